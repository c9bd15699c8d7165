permissionset 62202 "WINS Admin"
{
    Assignable = true;
    Caption = 'Winstore: set up', Comment = 'nl-NL="Winstore: instellen"';
    IncludedPermissionSets = "WINS Read";
    Permissions =
        tabledata "WINS Setup" = RIM,
        tabledata "WINS Sync State" = RD,
        tabledata "WINS Stock Change" = RD,
        page "WINS Setup" = X,
        page "WINS Sync States" = X,
        page "WINS Sync State FactBox" = X,
        page "WINS Activities" = X;
}
