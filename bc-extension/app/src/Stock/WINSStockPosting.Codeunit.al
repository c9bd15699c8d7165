/// <summary>
/// Posts stock adjustments by variant and location, each once by its key.
/// </summary>
codeunit 62208 "WINS Stock Posting"
{
    Access = Internal;
    Permissions = tabledata "WINS Stock Adjustment" = rm;

    var
        OtherContentErr: Label 'The stock adjustment %1 was sent before with another item, place or quantity.', Comment = '%1 = reference. nl-NL="De voorraadcorrectie %1 is al eerder met een ander artikel, een andere plaats of een ander aantal verzonden."';
        SyncOffErr: Label 'Synchronization with Winstore is switched off on the page Winstore Setup.', Comment = 'nl-NL="Synchronisatie met Winstore staat uit op de pagina Winstore-instellingen."';

    /// <summary>
    /// Tells whether an adjustment with this key is there, and gives it. Refuses the same key with other content.
    /// </summary>
    procedure IsKnown(var StockAdjustment: Record "WINS Stock Adjustment"): Boolean
    var
        KnownStockAdjustment: Record "WINS Stock Adjustment";
    begin
        if not KnownStockAdjustment.Get(StockAdjustment.Reference) then
            exit(false);
        if (KnownStockAdjustment."Item No." <> StockAdjustment."Item No.") or
           (KnownStockAdjustment."Variant Code" <> StockAdjustment."Variant Code") or
           (KnownStockAdjustment."Location Code" <> StockAdjustment."Location Code") or
           (KnownStockAdjustment.Quantity <> StockAdjustment.Quantity)
        then
            Error(OtherContentErr, StockAdjustment.Reference);
        StockAdjustment := KnownStockAdjustment;
        exit(true);
    end;

    /// <summary>
    /// Posts an adjustment, unless it was posted before.
    /// </summary>
    procedure Post(var StockAdjustment: Record "WINS Stock Adjustment")
    var
        ItemJournalLine: Record "Item Journal Line";
        Setup: Record "WINS Setup";
        ItemJnlPostLine: Codeunit "Item Jnl.-Post Line";
    begin
        StockAdjustment.ReadIsolation := IsolationLevel::UpdLock;
        StockAdjustment.Get(StockAdjustment.Reference);
        if StockAdjustment.Posted then
            exit;
        if not Setup.IsSyncOn() then
            Error(SyncOffErr);
        StockAdjustment.TestField(Quantity);
        FillJournalLine(StockAdjustment, Setup, ItemJournalLine);
        ItemJnlPostLine.RunWithCheck(ItemJournalLine);
        StockAdjustment.Posted := true;
        StockAdjustment."Item Ledger Entry No." := ItemJournalLine."Item Shpt. Entry No.";
        StockAdjustment.Modify(true);
    end;

    local procedure FillJournalLine(StockAdjustment: Record "WINS Stock Adjustment"; Setup: Record "WINS Setup"; var ItemJournalLine: Record "Item Journal Line")
    begin
        ItemJournalLine.Validate("Posting Date", WorkDate());
        if StockAdjustment."Posting Date" <> 0D then
            ItemJournalLine.Validate("Posting Date", StockAdjustment."Posting Date");
        ItemJournalLine."Document No." := CopyStr(StockAdjustment.Reference, 1, MaxStrLen(ItemJournalLine."Document No."));
        ItemJournalLine."External Document No." := CopyStr(StockAdjustment.Reference, 1, MaxStrLen(ItemJournalLine."External Document No."));
        if StockAdjustment.Quantity > 0 then
            ItemJournalLine.Validate("Entry Type", ItemJournalLine."Entry Type"::"Positive Adjmt.")
        else
            ItemJournalLine.Validate("Entry Type", ItemJournalLine."Entry Type"::"Negative Adjmt.");
        ItemJournalLine.Validate("Item No.", StockAdjustment."Item No.");
        ItemJournalLine.Validate("Variant Code", StockAdjustment."Variant Code");
        ItemJournalLine.Validate("Location Code", StockAdjustment."Location Code");
        ItemJournalLine.Validate(Quantity, Abs(StockAdjustment.Quantity));
        ItemJournalLine."Reason Code" := Setup."Adjustment Reason Code";
    end;
}
