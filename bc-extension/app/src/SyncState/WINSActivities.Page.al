page 62203 "WINS Activities"
{
    ApplicationArea = All;
    Caption = 'Winstore', Locked = true;
    InherentEntitlements = X;
    InherentPermissions = X;
    PageType = CardPart;
    RefreshOnActivate = true;
    SourceTable = "WINS Cue";

    layout
    {
        area(Content)
        {
            cuegroup(Winstore)
            {
                Caption = 'Winstore', Locked = true;

                field(Failed; Rec.Failed)
                {
                    DrillDownPageId = "WINS Sync States";
                }
                field(Waiting; Rec.Waiting)
                {
                    DrillDownPageId = "WINS Sync States";
                }
                field(Skipped; Rec.Skipped)
                {
                    DrillDownPageId = "WINS Sync States";
                }
            }
        }
    }

    trigger OnOpenPage()
    begin
        if not Rec.Get() then
            Rec.Insert();
    end;
}
