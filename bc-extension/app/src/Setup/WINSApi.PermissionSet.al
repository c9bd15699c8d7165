permissionset 62201 "WINS Api"
{
    Assignable = true;
    Caption = 'Winstore: read and write', Comment = 'nl-NL="Winstore: lezen en schrijven"';
    IncludedPermissionSets = "WINS Read";
    Permissions =
        tabledata Customer = RM,
        tabledata Item = RM,
        tabledata "Item Attribute" = RIM,
        tabledata "Item Attribute Value" = RIM,
        tabledata "Item Attribute Value Mapping" = RIMD,
        tabledata "Item Category" = RM,
        tabledata "Item Reference" = RID,
        tabledata "Item Unit of Measure" = RIMD,
        tabledata "Sales Header" = RM,
        tabledata "Ship-to Address" = RIMD,
        tabledata "WINS Order Request" = RIM,
        tabledata "WINS Order Request Line" = RID,
        tabledata "WINS Stock Adjustment" = RIM,
        tabledata "WINS Sync State" = RIMD;
}
