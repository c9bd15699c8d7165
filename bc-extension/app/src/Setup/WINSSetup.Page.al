page 62200 "WINS Setup"
{
    ApplicationArea = All;
    Caption = 'Winstore Setup', Comment = 'nl-NL="Winstore-instellingen"';
    DeleteAllowed = false;
    InsertAllowed = false;
    PageType = Card;
    SourceTable = "WINS Setup";
    UsageCategory = Administration;

    layout
    {
        area(Content)
        {
            group(General)
            {
                Caption = 'General', Comment = 'nl-NL="Algemeen"';

                field(SyncEnabled; Rec."Sync Enabled")
                {
                }
                field(DashboardAddress; Rec."Dashboard Address")
                {
                }
                field(UseMarketingText; Rec."Use Marketing Text")
                {
                }
                field(AdjustmentReasonCode; Rec."Adjustment Reason Code")
                {
                }
            }
        }
    }

    actions
    {
        area(Navigation)
        {
            action(SyncStates)
            {
                Caption = 'Skipped and failed', Comment = 'nl-NL="Overgeslagen en mislukt"';
                Image = ErrorLog;
                RunObject = page "WINS Sync States";
                ToolTip = 'Show the records that were skipped or failed.', Comment = 'nl-NL="De records tonen die zijn overgeslagen of mislukt."';
            }
        }
    }

    trigger OnOpenPage()
    begin
        if not Rec.Get() then
            Rec.Insert(true);
    end;
}
