page 62221 "WINS Item Settings API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'itemSetting';
    EntitySetName = 'itemSettings';
    SourceTable = Item;
    ODataKeyFields = Id;
    DelayedInsert = true;
    InsertAllowed = false;
    DeleteAllowed = false;

    layout
    {
        area(Content)
        {
            repeater(records)
            {
                field(id; Id)
                {
                    Caption = 'Id', Locked = true;
                    Editable = false;
                }
                field(number; "No.")
                {
                    Caption = 'Number', Locked = true;
                    Editable = false;
                }
                field(syncEnabled; "WINS Sync")
                {
                    Caption = 'Sync enabled', Locked = true;
                }
                field(status; "WINS Status")
                {
                    Caption = 'Status', Locked = true;
                }
                field(manageStock; "WINS Manage Stock")
                {
                    Caption = 'Manage stock', Locked = true;
                }
                field(productKind; "WINS Product Kind")
                {
                    Caption = 'Product kind', Locked = true;
                }
                field(parentItemNumber; "WINS Parent Item No.")
                {
                    Caption = 'Parent item number', Locked = true;
                }
                field(shortDescription; "WINS Short Description")
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
                field(webId; "WINS Web Id")
                {
                    Caption = 'Web id', Locked = true;
                }
                field(lastModifiedDateTime; "Last DateTime Modified")
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
        LongDescription := WINSGetLongDescription();
    end;

    trigger OnModifyRecord(): Boolean
    begin
        if LongDescriptionWasSent then
            WINSSetLongDescription(LongDescription);
        LongDescriptionWasSent := false;
        exit(true);
    end;
}
