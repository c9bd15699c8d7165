/// <summary>
/// Notes each change of stock: item ledger entries, and the sales lines that promise stock to somebody.
/// </summary>
codeunit 62201 "WINS Stock Log"
{
    Access = Internal;
    InherentEntitlements = X;
    InherentPermissions = X;

    [EventSubscriber(ObjectType::Codeunit, Codeunit::"Item Jnl.-Post Line", 'OnAfterInsertItemLedgEntry', '', false, false)]
    local procedure OnAfterInsertItemLedgEntry(var ItemLedgerEntry: Record "Item Ledger Entry")
    var
        StockChange: Record "WINS Stock Change";
    begin
        StockChange."Item No." := ItemLedgerEntry."Item No.";
        StockChange."Variant Code" := ItemLedgerEntry."Variant Code";
        StockChange."Location Code" := ItemLedgerEntry."Location Code";
        StockChange.Source := StockChange.Source::"Item Ledger Entry";
        StockChange."Entry Type" := ItemLedgerEntry."Entry Type";
        StockChange.Correction := ItemLedgerEntry.Correction;
        Note(StockChange);
    end;

    [EventSubscriber(ObjectType::Table, Database::"Sales Line", 'OnAfterInsertEvent', '', false, false)]
    local procedure OnAfterInsertSalesLine(var Rec: Record "Sales Line")
    begin
        NoteSalesLine(Rec);
    end;

    // A line that changed its item frees the stock of the item that it had.
    [EventSubscriber(ObjectType::Table, Database::"Sales Line", 'OnAfterModifyEvent', '', false, false)]
    local procedure OnAfterModifySalesLine(var Rec: Record "Sales Line"; var xRec: Record "Sales Line")
    begin
        if IsSameDemand(Rec, xRec) then
            exit;
        NoteSalesLine(xRec);
        NoteSalesLine(Rec);
    end;

    [EventSubscriber(ObjectType::Table, Database::"Sales Line", 'OnAfterDeleteEvent', '', false, false)]
    local procedure OnAfterDeleteSalesLine(var Rec: Record "Sales Line")
    begin
        NoteSalesLine(Rec);
    end;

    local procedure IsSameDemand(SalesLine: Record "Sales Line"; xSalesLine: Record "Sales Line"): Boolean
    begin
        exit(
            (SalesLine."No." = xSalesLine."No.") and
            (SalesLine."Variant Code" = xSalesLine."Variant Code") and
            (SalesLine."Location Code" = xSalesLine."Location Code") and
            (SalesLine."Outstanding Qty. (Base)" = xSalesLine."Outstanding Qty. (Base)"));
    end;

    local procedure NoteSalesLine(SalesLine: Record "Sales Line")
    var
        StockChange: Record "WINS Stock Change";
    begin
        if SalesLine.IsTemporary() or (SalesLine.Type <> SalesLine.Type::Item) or (SalesLine."No." = '') then
            exit;
        if SalesLine."Document Type" <> SalesLine."Document Type"::Order then
            exit;
        StockChange."Item No." := SalesLine."No.";
        StockChange."Variant Code" := SalesLine."Variant Code";
        StockChange."Location Code" := SalesLine."Location Code";
        StockChange.Source := StockChange.Source::"Sales Line";
        StockChange."Entry Type" := StockChange."Entry Type"::Sale;
        Note(StockChange);
    end;

    // Whoever posts or enters an order needs no permission set of this app. Rows are only ever inserted, so nobody waits
    // for a row that another posting holds.
    [InherentPermissions(PermissionObjectType::TableData, Database::"WINS Stock Change", 'i')]
    local procedure Note(var StockChange: Record "WINS Stock Change")
    begin
        StockChange."Entry No." := 0;
        StockChange.Insert();
    end;
}
