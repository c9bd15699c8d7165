page 62224 "WINS Item Attr. Mappings API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'itemAttributeMapping';
    EntitySetName = 'itemAttributeMappings';
    EntityCaption = 'Item attribute mapping', Locked = true;
    EntitySetCaption = 'Item attribute mappings', Locked = true;
    SourceTable = "Item Attribute Value Mapping";
    SourceTableView = where("Table ID" = const(27));
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;

    layout
    {
        area(Content)
        {
            repeater(records)
            {
                field(id; Rec.SystemId)
                {
                    Caption = 'Id', Locked = true;
                    Editable = false;
                }
                field(itemNumber; Rec."No.")
                {
                    Caption = 'Item number', Locked = true;
                }
                field(attributeId; Rec."Item Attribute ID")
                {
                    Caption = 'Attribute id', Locked = true;
                }
                field(valueId; Rec."Item Attribute Value ID")
                {
                    Caption = 'Value id', Locked = true;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        Rec."Table ID" := Database::Item;
        exit(true);
    end;
}
