page 62220 "WINS Capabilities API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'capability';
    EntitySetName = 'capabilities';
    SourceTable = "WINS Capability";
    SourceTableTemporary = true;
    ODataKeyFields = Id;
    DelayedInsert = true;
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
                field(id; Id)
                {
                    Caption = 'Id', Locked = true;
                }
                field(entitySetName; "Entity Set Name")
                {
                    Caption = 'Entity set name', Locked = true;
                }
                field(appVersion; "App Version")
                {
                    Caption = 'App version', Locked = true;
                }
                field(sinceVersion; "Since Version")
                {
                    Caption = 'Since version', Locked = true;
                }
                field(canRead; "Can Read")
                {
                    Caption = 'Can read', Locked = true;
                }
                field(canWrite; "Can Write")
                {
                    Caption = 'Can write', Locked = true;
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
