pageextension 62204 "WINS Sales Order" extends "Sales Order"
{
    layout
    {
        addlast(content)
        {
            group(WINSWinstore)
            {
                Caption = 'Winstore', Locked = true;

                field(WINSOrderNo; Rec."WINS Order No.")
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
                SubPageLink = "Record Kind" = const("Sales Order"), "Record Id" = field(SystemId);
            }
        }
    }
}
