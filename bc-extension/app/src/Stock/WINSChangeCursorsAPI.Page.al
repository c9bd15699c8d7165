page 62235 "WINS Change Cursors API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'changeCursor';
    EntitySetName = 'changeCursors';
    EntityCaption = 'Change cursor', Locked = true;
    EntitySetCaption = 'Change cursors', Locked = true;
    SourceTable = "WINS Change Cursor";
    SourceTableTemporary = true;
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;
    InsertAllowed = false;
    ModifyAllowed = false;
    DeleteAllowed = false;
    Editable = false;

    layout
    {
        area(Content)
        {
            repeater(records)
            {
                field(id; Rec.SystemId)
                {
                    Caption = 'Id', Locked = true;
                }
                field(minimumActiveRowVersion; Rec."Minimum Active Row Version")
                {
                    Caption = 'Minimum active row version', Locked = true;
                }
                field(lastUsedRowVersion; Rec."Last Used Row Version")
                {
                    Caption = 'Last used row version', Locked = true;
                }
            }
        }
    }

    trigger OnOpenPage()
    begin
        Rec."Entry No." := 1;
        Rec."Minimum Active Row Version" := Database.MinimumActiveRowVersion();
        Rec."Last Used Row Version" := Database.LastUsedRowVersion();
        Rec.SystemId := CreateGuid();
        Rec.Insert(false, true);
    end;
}
