page 62221 "WINS Item Settings API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'itemSetting';
    EntitySetName = 'itemSettings';
    EntityCaption = 'Item setting', Locked = true;
    EntitySetCaption = 'Item settings', Locked = true;
    SourceTable = Item;
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;
    InsertAllowed = false;
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
                field(number; Rec."No.")
                {
                    Caption = 'Number', Locked = true;
                    Editable = false;
                }
                field(syncEnabled; Rec."WINS Sync")
                {
                    Caption = 'Sync enabled', Locked = true;
                }
                field(status; Rec."WINS Status")
                {
                    Caption = 'Status', Locked = true;
                }
                field(manageStock; Rec."WINS Manage Stock")
                {
                    Caption = 'Manage stock', Locked = true;
                }
                field(productKind; Rec."WINS Product Kind")
                {
                    Caption = 'Product kind', Locked = true;
                }
                field(parentItemNumber; Rec."WINS Parent Item No.")
                {
                    Caption = 'Parent item number', Locked = true;
                }
                field(shortDescription; Rec."WINS Short Description")
                {
                    Caption = 'Short description', Locked = true;
                }
                field(longDescription; LongDescription)
                {
                    Caption = 'Long description', Locked = true;

                    trigger OnValidate()
                    begin
                        LongDescriptionWasSent := true;
                    end;
                }
                field(webId; Rec."WINS Web Id")
                {
                    Caption = 'Web id', Locked = true;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    var
        LongDescription: Text;
        LongDescriptionWasSent: Boolean;

    trigger OnAfterGetRecord()
    begin
        LongDescription := Rec.WINSGetLongDescription();
    end;

    trigger OnModifyRecord(): Boolean
    begin
        if LongDescriptionWasSent then
            Rec.WINSSetLongDescription(LongDescription);
        LongDescriptionWasSent := false;
        exit(true);
    end;
}
