pageextension 62201 "WINS Item Card" extends "Item Card"
{
    layout
    {
        addlast(content)
        {
            group(WINSWinstore)
            {
                Caption = 'Winstore', Locked = true;

                field(WINSSync; Rec."WINS Sync")
                {
                    ApplicationArea = All;
                }
                field(WINSStatus; Rec."WINS Status")
                {
                    ApplicationArea = All;
                }
                field(WINSManageStock; Rec."WINS Manage Stock")
                {
                    ApplicationArea = All;
                }
                field(WINSProductKind; Rec."WINS Product Kind")
                {
                    ApplicationArea = All;
                }
                field(WINSParentItemNo; Rec."WINS Parent Item No.")
                {
                    ApplicationArea = All;
                }
                field(WINSShortDescription; Rec."WINS Short Description")
                {
                    ApplicationArea = All;
                }
                field(WINSWebId; Rec."WINS Web Id")
                {
                    ApplicationArea = All;
                }
            }
        }
        addlast(factboxes)
        {
            part(WINSSyncState; "WINS Sync State FactBox")
            {
                ApplicationArea = All;
                SubPageLink = "Record Kind" = const(Item), "Record Id" = field(SystemId);
            }
        }
    }
}
