page 62237 "WINS Sync States API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'syncState';
    EntitySetName = 'syncStates';
    EntityCaption = 'Sync state', Locked = true;
    EntitySetCaption = 'Sync states', Locked = true;
    SourceTable = "WINS Sync State";
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
                field(flow; Rec.Flow)
                {
                    Caption = 'Flow', Locked = true;
                }
                field(sourceKey; Rec."Source Key")
                {
                    Caption = 'Source key', Locked = true;
                }
                field(recordKind; Rec."Record Kind")
                {
                    Caption = 'Record kind', Locked = true;
                }
                field(recordId; Rec."Record Id")
                {
                    Caption = 'Record id', Locked = true;
                }
                field(recordNumber; Rec."Record No.")
                {
                    Caption = 'Record number', Locked = true;
                }
                field(direction; Rec.Direction)
                {
                    Caption = 'Direction', Locked = true;
                }
                field(result; Rec.Result)
                {
                    Caption = 'Result', Locked = true;
                }
                field(reasonCode; Rec."Reason Code")
                {
                    Caption = 'Reason code', Locked = true;
                }
                field(message; Rec.Message)
                {
                    Caption = 'Message', Locked = true;
                }
                field(happenedAt; Rec."Happened At")
                {
                    Caption = 'Happened at', Locked = true;
                }
                field(link; Rec.Link)
                {
                    Caption = 'Link', Locked = true;
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
