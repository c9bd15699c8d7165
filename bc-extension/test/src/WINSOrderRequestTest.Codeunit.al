codeunit 62250 "WINS Order Request Test"
{
    Subtype = Test;
    TestPermissions = Disabled;

    var
        Assert: Codeunit "Library Assert";
        Library: Codeunit "WINS Test Library";
        LibrarySales: Codeunit "Library - Sales";
        OrderProcessing: Codeunit "WINS Order Processing";
        OrderShipping: Codeunit "WINS Order Shipping";

    [Test]
    procedure AProcessedRequestHasADocumentWithItsLines()
    var
        OrderRequest: Record "WINS Order Request";
        SalesHeader: Record "Sales Header";
        SalesLine: Record "Sales Line";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-1', 3, 12.5);
        OrderProcessing.Process(OrderRequest);

        Assert.AreEqual(OrderRequest.State::Processed, OrderRequest.State, 'state');
        SalesHeader.GetBySystemId(OrderRequest."Document Id");
        Assert.AreEqual(OrderRequest.Reference, SalesHeader."External Document No.", 'external document number');
        SalesLine.SetRange("Document Type", SalesHeader."Document Type");
        SalesLine.SetRange("Document No.", SalesHeader."No.");
        SalesLine.FindFirst();
        Assert.AreEqual(3, SalesLine.Quantity, 'quantity');
        Assert.AreEqual(12.5, SalesLine."Unit Price", 'unit price');
    end;

    [Test]
    procedure ProcessingTwiceMakesOneDocument()
    var
        OrderRequest: Record "WINS Order Request";
        SalesHeader: Record "Sales Header";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-2', 1, 10);
        OrderProcessing.Process(OrderRequest);
        OrderProcessing.Process(OrderRequest);

        SalesHeader.SetRange("External Document No.", OrderRequest.Reference);
        Assert.RecordCount(SalesHeader, 1);
    end;

    [Test]
    procedure ShippingTwiceUpToAQuantityShipsItOnce()
    var
        OrderRequest: Record "WINS Order Request";
        SalesHeader: Record "Sales Header";
        SalesLine: Record "Sales Line";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-6', 3, 10);
        OrderProcessing.Process(OrderRequest);
        SalesHeader.GetBySystemId(OrderRequest."Document Id");
        SalesLine.SetRange("Document Type", SalesHeader."Document Type");
        SalesLine.SetRange("Document No.", SalesHeader."No.");
        SalesLine.FindFirst();

        OrderShipping.ShipUpTo(SalesHeader, StrSubstNo('[{"sequence":%1,"quantity":2}]', Format(SalesLine."Line No.", 0, 9)));
        OrderShipping.ShipUpTo(SalesHeader, StrSubstNo('[{"sequence":%1,"quantity":2}]', Format(SalesLine."Line No.", 0, 9)));

        SalesLine.Find();
        Assert.AreEqual(2, SalesLine."Quantity Shipped", 'quantity shipped');
    end;

    [Test]
    procedure ASecondRequestOfAKeyIsTheFirstOne()
    var
        OrderRequest: Record "WINS Order Request";
        SecondOrderRequest: Record "WINS Order Request";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-3', 1, 10);
        OrderProcessing.Process(OrderRequest);

        SecondOrderRequest."Document Type" := OrderRequest."Document Type";
        SecondOrderRequest.Reference := OrderRequest.Reference;
        SecondOrderRequest."Content Hash" := OrderRequest."Content Hash";
        Assert.IsTrue(OrderProcessing.IsKnown(SecondOrderRequest), 'is known');
        Assert.AreEqual(OrderRequest."Document No.", SecondOrderRequest."Document No.", 'document');
    end;

    [Test]
    procedure TheSameKeyWithOtherContentIsRefused()
    var
        OrderRequest: Record "WINS Order Request";
        SecondOrderRequest: Record "WINS Order Request";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-4', 1, 10);
        OrderProcessing.Process(OrderRequest);

        SecondOrderRequest."Document Type" := OrderRequest."Document Type";
        SecondOrderRequest.Reference := OrderRequest.Reference;
        SecondOrderRequest."Content Hash" := 'other';
        asserterror OrderProcessing.IsKnown(SecondOrderRequest);
        Assert.ExpectedError('other content');
    end;

    [Test]
    procedure OtherContentTakesThePlaceOfARequestThatMadeNothing()
    var
        OrderRequest: Record "WINS Order Request";
        SecondOrderRequest: Record "WINS Order Request";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-8', 1, 10);

        SecondOrderRequest."Document Type" := OrderRequest."Document Type";
        SecondOrderRequest.Reference := OrderRequest.Reference;
        SecondOrderRequest."Content Hash" := 'other';
        Assert.IsFalse(OrderProcessing.IsKnown(SecondOrderRequest), 'is known');
        Assert.IsFalse(OrderRequest.Get(OrderRequest."Document Type", OrderRequest.Reference), 'is there');
    end;

    [Test]
    procedure ADocumentThatWasMadeWithoutTheAppIsLinked()
    var
        OrderRequest: Record "WINS Order Request";
        SalesHeader: Record "Sales Header";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-5', 1, 10);
        LibrarySales.CreateSalesHeader(SalesHeader, SalesHeader."Document Type"::Order, OrderRequest."Customer No.");
        SalesHeader.Validate("External Document No.", OrderRequest.Reference);
        SalesHeader.Modify(true);

        OrderProcessing.Process(OrderRequest);
        Assert.AreEqual(SalesHeader."No.", OrderRequest."Document No.", 'document');
    end;

    [Test]
    procedure TheLinkStaysWhenTheOrderIsPosted()
    var
        OrderRequest: Record "WINS Order Request";
        SalesHeader: Record "Sales Header";
        PostedDocumentNo: Code[20];
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-6', 1, 10);
        OrderProcessing.Process(OrderRequest);
        SalesHeader.GetBySystemId(OrderRequest."Document Id");
        PostedDocumentNo := LibrarySales.PostSalesDocument(SalesHeader, true, true);

        OrderRequest.Get(OrderRequest."Document Type", OrderRequest.Reference);
        Assert.AreEqual(PostedDocumentNo, OrderRequest."Posted Document No.", 'posted document');
    end;

    [Test]
    procedure WhatTheDocumentHoldsIsNotKeptTwice()
    var
        OrderRequest: Record "WINS Order Request";
        OrderRequestLine: Record "WINS Order Request Line";
    begin
        Library.MakeOrderRequest(OrderRequest, 'W-7', 1, 10);
        OrderRequest."Ship-to Name" := 'Somebody';
        OrderRequest.Modify();
        OrderProcessing.Process(OrderRequest);

        Assert.AreEqual('', OrderRequest."Ship-to Name", 'ship-to name');
        OrderRequestLine.SetRange("Request Id", OrderRequest.SystemId);
        Assert.RecordIsEmpty(OrderRequestLine);
    end;
}
