page 62201 "WINS Sync States"
{
    ApplicationArea = All;
    Caption = 'Winstore: skipped and failed', Comment = 'nl-NL="Winstore: overgeslagen en mislukt"';
    Editable = false;
    InherentEntitlements = X;
    InherentPermissions = X;
    PageType = List;
    SourceTable = "WINS Sync State";
    SourceTableView = sorting(Result) where(Result = filter(Skipped | Failed | Waiting));
    UsageCategory = Lists;

    layout
    {
        area(Content)
        {
            repeater(States)
            {
                field(Result; Rec.Result)
                {
                    StyleExpr = ResultStyle;
                }
                field(RecordKind; Rec."Record Kind")
                {
                }
                field(RecordNo; Rec."Record No.")
                {
                }
                field(SourceKey; Rec."Source Key")
                {
                }
                field(Direction; Rec.Direction)
                {
                }
                field(ReasonCode; Rec."Reason Code")
                {
                }
                field(Message; Rec.Message)
                {
                }
                field(HappenedAt; Rec."Happened At")
                {
                }
                field(Link; Rec.Link)
                {
                }
            }
        }
    }

    actions
    {
        area(Processing)
        {
            action(ShowRecord)
            {
                Caption = 'Show record', Comment = 'nl-NL="Record tonen"';
                Image = View;
                Scope = Repeater;
                ToolTip = 'Open the card of the record.', Comment = 'nl-NL="De kaart van de record openen."';

                trigger OnAction()
                begin
                    Rec.ShowRecord();
                end;
            }
        }
        area(Promoted)
        {
            actionref(ShowRecordPromoted; ShowRecord)
            {
            }
        }
    }

    var
        ResultStyle: Text;

    trigger OnAfterGetRecord()
    begin
        ResultStyle := 'Standard';
        if Rec.Result = Rec.Result::Failed then
            ResultStyle := 'Unfavorable';
    end;
}
