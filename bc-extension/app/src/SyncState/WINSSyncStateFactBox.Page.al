page 62202 "WINS Sync State FactBox"
{
    ApplicationArea = All;
    Caption = 'Winstore', Locked = true;
    Editable = false;
    InherentEntitlements = X;
    InherentPermissions = X;
    PageType = ListPart;
    SourceTable = "WINS Sync State";

    layout
    {
        area(Content)
        {
            repeater(States)
            {
                field(Direction; Rec.Direction)
                {
                }
                field(Result; Rec.Result)
                {
                }
                field(Message; Rec.Message)
                {
                }
                field(HappenedAt; Rec."Happened At")
                {
                }
            }
        }
    }
}
