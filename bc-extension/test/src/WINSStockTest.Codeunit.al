codeunit 62251 "WINS Stock Test"
{
    Subtype = Test;
    TestPermissions = Disabled;

    var
        Assert: Codeunit "Library Assert";
        Library: Codeunit "WINS Test Library";
        StockPosting: Codeunit "WINS Stock Posting";

    [Test]
    procedure AnAdjustmentIsPostedOnce()
    var
        Item: Record Item;
        StockAdjustment: Record "WINS Stock Adjustment";
    begin
        Library.MakeAdjustment(StockAdjustment, 'A-1', 5);
        StockPosting.Post(StockAdjustment);
        StockPosting.Post(StockAdjustment);

        Item.Get(StockAdjustment."Item No.");
        Item.CalcFields(Inventory);
        Assert.AreEqual(5, Item.Inventory, 'inventory');
    end;

    [Test]
    procedure APostedAdjustmentIsInTheLog()
    var
        StockAdjustment: Record "WINS Stock Adjustment";
        StockChange: Record "WINS Stock Change";
    begin
        Library.MakeAdjustment(StockAdjustment, 'A-2', 2);
        StockPosting.Post(StockAdjustment);

        StockChange.SetRange("Item No.", StockAdjustment."Item No.");
        StockChange.SetRange(Source, StockChange.Source::"Item Ledger Entry");
        Assert.RecordCount(StockChange, 1);
    end;

    [Test]
    procedure TheSameKeyWithAnotherQuantityIsRefused()
    var
        SecondStockAdjustment: Record "WINS Stock Adjustment";
        StockAdjustment: Record "WINS Stock Adjustment";
    begin
        Library.MakeAdjustment(StockAdjustment, 'A-3', 5);
        SecondStockAdjustment := StockAdjustment;
        SecondStockAdjustment.Quantity := 6;
        asserterror StockPosting.IsKnown(SecondStockAdjustment);
        Assert.ExpectedError('sent before');
    end;
}
