page 62223 "WINS Item Attr. Values API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'itemAttributeValue';
    EntitySetName = 'itemAttributeValues';
    EntityCaption = 'Item attribute value', Locked = true;
    EntitySetCaption = 'Item attribute values', Locked = true;
    SourceTable = "Item Attribute Value";
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;
    DeleteAllowed = false;

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
                field(attributeId; Rec."Attribute ID")
                {
                    Caption = 'Attribute id', Locked = true;
                }
                field(valueId; Rec.ID)
                {
                    Caption = 'Value id', Locked = true;
                    Editable = false;
                }
                field(value; Rec.Value)
                {
                    Caption = 'Value', Locked = true;
                }
                field(numericValue; Rec."Numeric Value")
                {
                    Caption = 'Numeric value', Locked = true;
                    Editable = false;
                }
                field(blocked; Rec.Blocked)
                {
                    Caption = 'Blocked', Locked = true;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
        }
    }
}
