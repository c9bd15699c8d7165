/// <summary>
/// Makes what the tests need.
/// </summary>
codeunit 62253 "WINS Test Library"
{
    Access = Internal;

    var
        LibraryInventory: Codeunit "Library - Inventory";
        LibrarySales: Codeunit "Library - Sales";

    /// <summary>
    /// Makes an order request with one line, for a new customer and a new item.
    /// </summary>
    procedure MakeOrderRequest(var OrderRequest: Record "WINS Order Request"; Reference: Code[35]; Quantity: Decimal; UnitPrice: Decimal)
    var
        Item: Record Item;
        OrderRequestLine: Record "WINS Order Request Line";
    begin
        SwitchOn();
        MakeItem(Item);
        OrderRequest."Document Type" := OrderRequest."Document Type"::Order;
        OrderRequest.Reference := Reference;
        OrderRequest."Content Hash" := Reference;
        OrderRequest."Customer No." := LibrarySales.CreateCustomerNo();
        OrderRequest.Insert(true);
        OrderRequestLine."Request Id" := OrderRequest.SystemId;
        OrderRequestLine."Line No." := 10000;
        OrderRequestLine.Type := OrderRequestLine.Type::Item;
        OrderRequestLine."No." := Item."No.";
        OrderRequestLine.Quantity := Quantity;
        OrderRequestLine."Unit Price" := UnitPrice;
        OrderRequestLine.Insert(true);
    end;

    /// <summary>
    /// Makes an adjustment of the stock of a new item.
    /// </summary>
    procedure MakeAdjustment(var StockAdjustment: Record "WINS Stock Adjustment"; Reference: Code[50]; Quantity: Decimal)
    var
        Item: Record Item;
    begin
        SwitchOn();
        MakeItem(Item);
        StockAdjustment.Reference := Reference;
        StockAdjustment."Item No." := Item."No.";
        StockAdjustment.Quantity := Quantity;
        StockAdjustment.Insert(true);
    end;

    /// <summary>
    /// Makes an item.
    /// </summary>
    procedure MakeItem(var Item: Record Item)
    begin
        LibraryInventory.CreateItem(Item);
    end;

    local procedure SwitchOn()
    var
        Setup: Record "WINS Setup";
    begin
        if not Setup.Get() then
            Setup.Insert();
        Setup."Sync Enabled" := true;
        Setup.Modify();
    end;
}
