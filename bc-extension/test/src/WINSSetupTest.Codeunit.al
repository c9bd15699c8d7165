codeunit 62252 "WINS Setup Test"
{
    Subtype = Test;
    TestPermissions = Disabled;

    var
        Assert: Codeunit "Library Assert";
        Library: Codeunit "WINS Test Library";
        OrderProcessing: Codeunit "WINS Order Processing";

    [Test]
    procedure NoOrderIsMadeWhileSynchronizationIsOff()
    var
        OrderRequest: Record "WINS Order Request";
        Setup: Record "WINS Setup";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-8', 1, 10);
        Setup.Get();
        Setup."Sync Enabled" := false;
        Setup.Modify();

        asserterror OrderProcessing.Process(OrderRequest);
        Assert.ExpectedError('switched off');
    end;

    [Test]
    procedure ALongDescriptionComesBackAsItWasWritten()
    var
        Item: Record Item;
        LongDescription: Text;
    begin
        Library.MakeItem(Item);
        LongDescription := PadStr('', 3000, 'x');
        Item.WINSSetLongDescription(LongDescription);
        Item.Modify();

        Item.Get(Item."No.");
        Assert.AreEqual(LongDescription, Item.WINSGetLongDescription(), 'long description');
    end;
}
