page 62220 "WINS Capabilities API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'capability';
    EntitySetName = 'capabilities';
    EntityCaption = 'Capability', Locked = true;
    EntitySetCaption = 'Capabilities', Locked = true;
    SourceTable = "WINS Capability";
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
                field(entitySetName; Rec."Entity Set Name")
                {
                    Caption = 'Entity set name', Locked = true;
                }
                field(appVersion; Rec."App Version")
                {
                    Caption = 'App version', Locked = true;
                }
                field(sinceVersion; Rec."Since Version")
                {
                    Caption = 'Since version', Locked = true;
                }
                field(canRead; Rec."Can Read")
                {
                    Caption = 'Can read', Locked = true;
                }
                field(canWrite; Rec."Can Write")
                {
                    Caption = 'Can write', Locked = true;
                }
                field(syncEnabled; Rec."Sync Enabled")
                {
                    Caption = 'Sync enabled', Locked = true;
                }
            }
        }
    }

    trigger OnOpenPage()
    var
        Capabilities: Codeunit "WINS Capabilities";
    begin
        Capabilities.List(Rec);
    end;
}
