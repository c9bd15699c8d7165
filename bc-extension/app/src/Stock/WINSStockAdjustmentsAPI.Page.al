page 62236 "WINS Stock Adjustments API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'stockAdjustment';
    EntitySetName = 'stockAdjustments';
    EntityCaption = 'Stock adjustment', Locked = true;
    EntitySetCaption = 'Stock adjustments', Locked = true;
    SourceTable = "WINS Stock Adjustment";
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;
    ModifyAllowed = false;
    DeleteAllowed = false;

    layout
    {
        area(Content)
        {
            repeater(records)
            {
                field(id; Rec.SystemId)
                {
                    Caption = 'Id', Locked = true;
                    Editable = false;
                }
                field(reference; Rec.Reference)
                {
                    Caption = 'Reference', Locked = true;
                }
                field(itemNumber; Rec."Item No.")
                {
                    Caption = 'Item number', Locked = true;
                }
                field(variantCode; Rec."Variant Code")
                {
                    Caption = 'Variant code', Locked = true;
                }
                field(locationCode; Rec."Location Code")
                {
                    Caption = 'Location code', Locked = true;
                }
                field(quantity; Rec.Quantity)
                {
                    Caption = 'Quantity', Locked = true;
                }
                field(postingDate; Rec."Posting Date")
                {
                    Caption = 'Posting date', Locked = true;
                }
                field(posted; Rec.Posted)
                {
                    Caption = 'Posted', Locked = true;
                    Editable = false;
                }
                field(itemLedgerEntryNumber; Rec."Item Ledger Entry No.")
                {
                    Caption = 'Item ledger entry number', Locked = true;
                    Editable = false;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    var
        StockPosting: Codeunit "WINS Stock Posting";

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        exit(not StockPosting.IsKnown(Rec));
    end;

    /// <summary>
    /// Posts the adjustment, unless it was posted before.
    /// </summary>
    [ServiceEnabled]
    [Scope('Cloud')]
    procedure Post(var ActionContext: WebServiceActionContext)
    begin
        StockPosting.Post(Rec);
        ActionContext.SetObjectType(ObjectType::Page);
        ActionContext.SetObjectId(Page::"WINS Stock Adjustments API");
        ActionContext.AddEntityKey(Rec.FieldNo(SystemId), Rec.SystemId);
        ActionContext.SetResultCode(WebServiceActionResultCode::Updated);
    end;
}
