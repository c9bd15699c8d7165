pageextension 62203 "WINS Customer Card" extends "Customer Card"
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
                SubPageLink = "Record Kind" = const(Customer), "Record Id" = field(SystemId);
            }
        }
    }
}
