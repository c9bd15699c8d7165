/// <summary>
/// Makes a sales document of an order request: header, lines, discounts, charges and link in one transaction.
/// </summary>
codeunit 62200 "WINS Order Processing"
{
    Access = Internal;
    Permissions = tabledata "WINS Order Request" = rmd,
                  tabledata "WINS Order Request Line" = rd;

    var
        OtherContentErr: Label 'The order request %1 was sent before with other content: %2 is there, %3 was sent.', Comment = '%1 = reference, %2 and %3 = hashes of the content. nl-NL="De orderaanvraag %1 is al eerder met een andere inhoud verzonden: %2 is er, %3 is verzonden."';
        SyncOffErr: Label 'Synchronization with Winstore is switched off on the page Winstore Setup.', Comment = 'nl-NL="Synchronisatie met Winstore staat uit op de pagina Winstore-instellingen."';
        WrongTypeErr: Label 'An order request makes an order, an invoice or a credit memo.', Comment = 'nl-NL="Een orderaanvraag maakt een order, een factuur of een creditnota."';

    /// <summary>
    /// Tells whether a request with this key is there, and gives it. Other content takes the place of a request that has
    /// made nothing, and is refused once there is a document.
    /// </summary>
    procedure IsKnown(var OrderRequest: Record "WINS Order Request"): Boolean
    var
        KnownOrderRequest: Record "WINS Order Request";
    begin
        if not KnownOrderRequest.Get(OrderRequest."Document Type", OrderRequest.Reference) then
            exit(false);
        if KnownOrderRequest."Content Hash" <> OrderRequest."Content Hash" then begin
            if KnownOrderRequest.State = KnownOrderRequest.State::Processed then
                CheckContent(KnownOrderRequest, OrderRequest."Content Hash");
            DeleteWithLines(KnownOrderRequest);
            exit(false);
        end;
        OrderRequest := KnownOrderRequest;
        exit(true);
    end;

    /// <summary>
    /// Refuses a request whose content is not the one that is meant.
    /// </summary>
    procedure CheckContent(OrderRequest: Record "WINS Order Request"; ContentHash: Text)
    begin
        if OrderRequest."Content Hash" <> ContentHash then
            Error(OtherContentErr, OrderRequest.Reference, OrderRequest."Content Hash", ContentHash);
    end;

    local procedure DeleteWithLines(OrderRequest: Record "WINS Order Request")
    var
        OrderRequestLine: Record "WINS Order Request Line";
    begin
        OrderRequestLine.SetRange("Request Id", OrderRequest.SystemId);
        OrderRequestLine.DeleteAll(true);
        OrderRequest.Delete(true);
    end;

    /// <summary>
    /// Tells whether a line is to be stored. A repeated request brings lines that are there, or that were processed.
    /// </summary>
    procedure TakesLine(OrderRequestLine: Record "WINS Order Request Line"): Boolean
    var
        OrderRequest: Record "WINS Order Request";
        KnownOrderRequestLine: Record "WINS Order Request Line";
    begin
        OrderRequest.GetBySystemId(OrderRequestLine."Request Id");
        if OrderRequest.State = OrderRequest.State::Processed then
            exit(false);
        exit(not KnownOrderRequestLine.Get(OrderRequestLine."Request Id", OrderRequestLine."Line No."));
    end;

    /// <summary>
    /// Makes the document, unless it was made before: then the request has its number already.
    /// </summary>
    procedure Process(var OrderRequest: Record "WINS Order Request")
    var
        SalesHeader: Record "Sales Header";
        ReleaseSalesDocument: Codeunit "Release Sales Document";
        Telemetry: Codeunit "WINS Telemetry";
    begin
        OrderRequest.ReadIsolation := IsolationLevel::UpdLock;
        OrderRequest.Get(OrderRequest."Document Type", OrderRequest.Reference);
        if OrderRequest.State = OrderRequest.State::Processed then
            exit;
        CheckAllowed(OrderRequest);
        if FindPostedDocument(OrderRequest) then
            exit;
        if not FindDocument(OrderRequest, SalesHeader) then begin
            MakeHeader(OrderRequest, SalesHeader);
            MakeLines(OrderRequest, SalesHeader);
            GiveInvoiceDiscount(OrderRequest, SalesHeader);
            if OrderRequest.Release then
                ReleaseSalesDocument.PerformManualRelease(SalesHeader);
        end;
        NoteDocument(OrderRequest, SalesHeader);
        Telemetry.OrderRequestProcessed();
    end;

    local procedure CheckAllowed(OrderRequest: Record "WINS Order Request")
    var
        Setup: Record "WINS Setup";
    begin
        if not Setup.IsSyncOn() then
            Error(SyncOffErr);
        OrderRequest.TestField("Customer No.");
        if not (OrderRequest."Document Type" in [OrderRequest."Document Type"::Order, OrderRequest."Document Type"::Invoice, OrderRequest."Document Type"::"Credit Memo"]) then
            Error(WrongTypeErr);
    end;

    // A document that was made over API v2.0, before this app was installed, has no request.
    local procedure FindDocument(OrderRequest: Record "WINS Order Request"; var SalesHeader: Record "Sales Header"): Boolean
    begin
        SalesHeader.SetRange("Document Type", OrderRequest."Document Type");
        SalesHeader.SetRange("External Document No.", OrderRequest.Reference);
        SalesHeader.SetRange("Sell-to Customer No.", OrderRequest."Customer No.");
        exit(SalesHeader.FindFirst());
    end;

    local procedure FindPostedDocument(var OrderRequest: Record "WINS Order Request"): Boolean
    var
        SalesCrMemoHeader: Record "Sales Cr.Memo Header";
        SalesHeader: Record "Sales Header";
        SalesInvoiceHeader: Record "Sales Invoice Header";
    begin
        if OrderRequest."Document Type" = OrderRequest."Document Type"::"Credit Memo" then begin
            SalesCrMemoHeader.SetRange("External Document No.", OrderRequest.Reference);
            SalesCrMemoHeader.SetRange("Sell-to Customer No.", OrderRequest."Customer No.");
            if not SalesCrMemoHeader.FindFirst() then
                exit(false);
            OrderRequest."Posted Document No." := SalesCrMemoHeader."No.";
            SalesHeader."No." := SalesCrMemoHeader."Pre-Assigned No.";
        end else begin
            SalesInvoiceHeader.SetRange("External Document No.", OrderRequest.Reference);
            SalesInvoiceHeader.SetRange("Sell-to Customer No.", OrderRequest."Customer No.");
            SalesInvoiceHeader.SetRange(Cancelled, false);
            if not SalesInvoiceHeader.FindFirst() then
                exit(false);
            OrderRequest."Posted Document No." := SalesInvoiceHeader."No.";
            SalesHeader."No." := SalesInvoiceHeader."Order No.";
            if SalesHeader."No." = '' then
                SalesHeader."No." := SalesInvoiceHeader."Pre-Assigned No.";
        end;
        NoteDocument(OrderRequest, SalesHeader);
        exit(true);
    end;

    // The order of the fields matters: the customer fills all others, a general group resets the VAT group, and a change
    // of group would make the lines anew.
    local procedure MakeHeader(OrderRequest: Record "WINS Order Request"; var SalesHeader: Record "Sales Header")
    begin
        Clear(SalesHeader);
        SalesHeader.SetHideValidationDialog(true);
        SalesHeader.Validate("Document Type", OrderRequest."Document Type");
        SalesHeader.Insert(true);
        SalesHeader.Validate("Sell-to Customer No.", OrderRequest."Customer No.");
        if OrderRequest."Order Date" <> 0D then begin
            SalesHeader.Validate("Order Date", OrderRequest."Order Date");
            SalesHeader.Validate("Document Date", OrderRequest."Order Date");
        end;
        SalesHeader.Validate("External Document No.", OrderRequest.Reference);
        SalesHeader."WINS Order No." := OrderRequest."Winstore Order No.";
        SalesHeader."Your Reference" := OrderRequest."Your Reference";
        SetPostingGroups(OrderRequest, SalesHeader);
        SetTerms(OrderRequest, SalesHeader);
        SetAddresses(OrderRequest, SalesHeader);
        SalesHeader.Modify(true);
    end;

    local procedure SetPostingGroups(OrderRequest: Record "WINS Order Request"; var SalesHeader: Record "Sales Header")
    begin
        if OrderRequest."Gen. Bus. Posting Group" <> '' then
            SalesHeader.Validate("Gen. Bus. Posting Group", OrderRequest."Gen. Bus. Posting Group");
        if OrderRequest."VAT Bus. Posting Group" <> '' then
            SalesHeader.Validate("VAT Bus. Posting Group", OrderRequest."VAT Bus. Posting Group");
        if OrderRequest."Customer Posting Group" <> '' then
            SalesHeader.Validate("Customer Posting Group", OrderRequest."Customer Posting Group");
        SalesHeader.Validate("Prices Including VAT", OrderRequest."Prices Including VAT");
    end;

    local procedure SetTerms(OrderRequest: Record "WINS Order Request"; var SalesHeader: Record "Sales Header")
    begin
        if OrderRequest."Currency Code" <> '' then
            SalesHeader.Validate("Currency Code", CurrencyCode(OrderRequest."Currency Code"));
        if OrderRequest."Location Code" <> '' then
            SalesHeader.Validate("Location Code", OrderRequest."Location Code");
        if OrderRequest."Payment Terms Code" <> '' then
            SalesHeader.Validate("Payment Terms Code", OrderRequest."Payment Terms Code");
        if OrderRequest."Payment Method Code" <> '' then
            SalesHeader.Validate("Payment Method Code", OrderRequest."Payment Method Code");
        if OrderRequest."Shipment Method Code" <> '' then
            SalesHeader.Validate("Shipment Method Code", OrderRequest."Shipment Method Code");
        if OrderRequest."Shipping Agent Code" <> '' then
            SalesHeader.Validate("Shipping Agent Code", OrderRequest."Shipping Agent Code");
        if OrderRequest."Shipping Agent Service Code" <> '' then
            SalesHeader.Validate("Shipping Agent Service Code", OrderRequest."Shipping Agent Service Code");
        if OrderRequest."Salesperson Code" <> '' then
            SalesHeader.Validate("Salesperson Code", OrderRequest."Salesperson Code");
        if OrderRequest."Requested Delivery Date" <> 0D then
            SalesHeader.Validate("Requested Delivery Date", OrderRequest."Requested Delivery Date");
        if OrderRequest."Customer Price Group" <> '' then
            SalesHeader.Validate("Customer Price Group", OrderRequest."Customer Price Group");
        if OrderRequest."Customer Disc. Group" <> '' then
            SalesHeader.Validate("Customer Disc. Group", OrderRequest."Customer Disc. Group");
        if OrderRequest."Language Code" <> '' then
            SalesHeader.Validate("Language Code", OrderRequest."Language Code");
        if OrderRequest."Package Tracking No." <> '' then
            SalesHeader.Validate("Package Tracking No.", OrderRequest."Package Tracking No.");
        if OrderRequest."Work Description" <> '' then
            SalesHeader.SetWorkDescription(OrderRequest."Work Description");
    end;

    // The currency of the company itself has no record, and its code is empty on documents.
    local procedure CurrencyCode(Code: Code[10]): Code[10]
    var
        GeneralLedgerSetup: Record "General Ledger Setup";
    begin
        GeneralLedgerSetup.Get();
        if Code = GeneralLedgerSetup."LCY Code" then
            exit('');
        exit(Code);
    end;

    // Addresses are assigned and not validated: validation asks about post codes, and changes other addresses. An address of
    // the request is the whole address: of the customer's own, nothing stays.
    local procedure SetAddresses(OrderRequest: Record "WINS Order Request"; var SalesHeader: Record "Sales Header")
    begin
        if HasPlace(OrderRequest."Sell-to Address", OrderRequest."Sell-to Post Code", OrderRequest."Sell-to City") then begin
            SalesHeader."Sell-to Address" := OrderRequest."Sell-to Address";
            SalesHeader."Sell-to Address 2" := OrderRequest."Sell-to Address 2";
            SalesHeader."Sell-to Post Code" := OrderRequest."Sell-to Post Code";
            SalesHeader."Sell-to City" := OrderRequest."Sell-to City";
            SalesHeader."Sell-to County" := OrderRequest."Sell-to County";
            SalesHeader."Sell-to Country/Region Code" := OrderRequest."Sell-to Country/Region Code";
        end;
        if OrderRequest."Sell-to Name" <> '' then
            SalesHeader."Sell-to Customer Name" := OrderRequest."Sell-to Name";
        if OrderRequest."Sell-to Contact" <> '' then
            SalesHeader."Sell-to Contact" := OrderRequest."Sell-to Contact";
        if HasPlace(OrderRequest."Bill-to Address", OrderRequest."Bill-to Post Code", OrderRequest."Bill-to City") then begin
            SalesHeader."Bill-to Address" := OrderRequest."Bill-to Address";
            SalesHeader."Bill-to Address 2" := OrderRequest."Bill-to Address 2";
            SalesHeader."Bill-to Post Code" := OrderRequest."Bill-to Post Code";
            SalesHeader."Bill-to City" := OrderRequest."Bill-to City";
            SalesHeader."Bill-to County" := OrderRequest."Bill-to County";
            SalesHeader."Bill-to Country/Region Code" := OrderRequest."Bill-to Country/Region Code";
        end;
        if OrderRequest."Bill-to Name" <> '' then
            SalesHeader."Bill-to Name" := OrderRequest."Bill-to Name";
        if OrderRequest."Bill-to Contact" <> '' then
            SalesHeader."Bill-to Contact" := OrderRequest."Bill-to Contact";
        SetShipTo(OrderRequest, SalesHeader);
        if OrderRequest."Phone No." <> '' then
            SalesHeader."Sell-to Phone No." := OrderRequest."Phone No.";
        if OrderRequest."E-Mail" <> '' then
            SalesHeader."Sell-to E-Mail" := OrderRequest."E-Mail";
    end;

    local procedure SetShipTo(OrderRequest: Record "WINS Order Request"; var SalesHeader: Record "Sales Header")
    begin
        SalesHeader.Validate("Ship-to Code", OrderRequest."Ship-to Code");
        if OrderRequest."Ship-to Code" <> '' then
            exit;
        if HasPlace(OrderRequest."Ship-to Address", OrderRequest."Ship-to Post Code", OrderRequest."Ship-to City") then begin
            SalesHeader."Ship-to Address" := OrderRequest."Ship-to Address";
            SalesHeader."Ship-to Address 2" := OrderRequest."Ship-to Address 2";
            SalesHeader."Ship-to Post Code" := OrderRequest."Ship-to Post Code";
            SalesHeader."Ship-to City" := OrderRequest."Ship-to City";
            SalesHeader."Ship-to County" := OrderRequest."Ship-to County";
            SalesHeader."Ship-to Country/Region Code" := OrderRequest."Ship-to Country/Region Code";
        end;
        if OrderRequest."Ship-to Name" <> '' then
            SalesHeader."Ship-to Name" := OrderRequest."Ship-to Name";
        if OrderRequest."Ship-to Contact" <> '' then
            SalesHeader."Ship-to Contact" := OrderRequest."Ship-to Contact";
    end;

    // A country alone is no address.
    local procedure HasPlace(Address: Text; PostCode: Text; City: Text): Boolean
    begin
        exit((Address <> '') or (PostCode <> '') or (City <> ''));
    end;

    local procedure MakeLines(OrderRequest: Record "WINS Order Request"; SalesHeader: Record "Sales Header")
    var
        OrderRequestLine: Record "WINS Order Request Line";
    begin
        OrderRequestLine.SetRange("Request Id", OrderRequest.SystemId);
        OrderRequestLine.SetFilter(Type, '<>%1', OrderRequestLine.Type::"Charge (Item)");
        if OrderRequestLine.FindSet() then
            repeat
                MakeLine(OrderRequestLine, SalesHeader);
            until OrderRequestLine.Next() = 0;
        // A charge can only be assigned once all lines are there.
        OrderRequestLine.SetRange(Type, OrderRequestLine.Type::"Charge (Item)");
        if OrderRequestLine.FindSet() then
            repeat
                MakeCharge(OrderRequestLine, SalesHeader);
            until OrderRequestLine.Next() = 0;
    end;

    local procedure MakeLine(OrderRequestLine: Record "WINS Order Request Line"; SalesHeader: Record "Sales Header"): Integer
    var
        SalesLine: Record "Sales Line";
    begin
        SalesLine.SetHideValidationDialog(true);
        SalesLine."Document Type" := SalesHeader."Document Type";
        SalesLine."Document No." := SalesHeader."No.";
        SalesLine."Line No." := OrderRequestLine."Line No.";
        SalesLine.Insert(true);
        SalesLine.Validate(Type, OrderRequestLine.Type);
        if OrderRequestLine."No." <> '' then
            FillLine(OrderRequestLine, SalesLine);
        if OrderRequestLine.Description <> '' then
            SalesLine.Description := OrderRequestLine.Description;
        SalesLine.Modify(true);
        if SalesLine.Reserve = SalesLine.Reserve::Always then
            SalesLine.AutoReserve(false);
        exit(SalesLine."Line No.");
    end;

    local procedure FillLine(OrderRequestLine: Record "WINS Order Request Line"; var SalesLine: Record "Sales Line")
    begin
        SalesLine.Validate("No.", OrderRequestLine."No.");
        if OrderRequestLine."Variant Code" <> '' then
            SalesLine.Validate("Variant Code", OrderRequestLine."Variant Code");
        if OrderRequestLine."Location Code" <> '' then
            SalesLine.Validate("Location Code", OrderRequestLine."Location Code");
        if OrderRequestLine."VAT Prod. Posting Group" <> '' then
            SalesLine.Validate("VAT Prod. Posting Group", OrderRequestLine."VAT Prod. Posting Group");
        SalesLine.Validate(Quantity, OrderRequestLine.Quantity);
        if OrderRequestLine."Unit of Measure Code" <> '' then
            SalesLine.Validate("Unit of Measure Code", OrderRequestLine."Unit of Measure Code");
        SalesLine.Validate("Unit Price", OrderRequestLine."Unit Price");
        if OrderRequestLine."Line Discount Amount" <> 0 then
            SalesLine.Validate("Line Discount Amount", OrderRequestLine."Line Discount Amount")
        else
            SalesLine.Validate("Line Discount %", OrderRequestLine."Line Discount %");
    end;

    local procedure MakeCharge(OrderRequestLine: Record "WINS Order Request Line"; SalesHeader: Record "Sales Header")
    var
        SalesLine: Record "Sales Line";
        ItemChargeAssgntSales: Codeunit "Item Charge Assgnt. (Sales)";
    begin
        SalesLine.Get(SalesHeader."Document Type", SalesHeader."No.", MakeLine(OrderRequestLine, SalesHeader));
        SuggestChargeLines(SalesLine);
        ItemChargeAssgntSales.AssignItemCharges(SalesLine, SalesLine.Quantity, SalesLine."Line Amount", ItemChargeAssgntSales.AssignByAmountMenuText());
    end;

    local procedure SuggestChargeLines(SalesLine: Record "Sales Line")
    var
        ItemChargeAssignmentSales: Record "Item Charge Assignment (Sales)";
        ItemChargeAssgntSales: Codeunit "Item Charge Assgnt. (Sales)";
    begin
        ItemChargeAssignmentSales."Document Type" := SalesLine."Document Type";
        ItemChargeAssignmentSales."Document No." := SalesLine."Document No.";
        ItemChargeAssignmentSales."Document Line No." := SalesLine."Line No.";
        ItemChargeAssignmentSales."Item Charge No." := SalesLine."No.";
        ItemChargeAssgntSales.CreateDocChargeAssgn(ItemChargeAssignmentSales, '');
    end;

    local procedure GiveInvoiceDiscount(OrderRequest: Record "WINS Order Request"; var SalesHeader: Record "Sales Header")
    var
        SalesCalcDiscountByType: Codeunit "Sales - Calc Discount By Type";
    begin
        SalesHeader.Get(SalesHeader."Document Type", SalesHeader."No.");
        if OrderRequest."Invoice Discount Amount" <> 0 then
            SalesCalcDiscountByType.ApplyInvDiscBasedOnAmt(OrderRequest."Invoice Discount Amount", SalesHeader);
    end;

    // The link stays when the document is posted and deleted. What the document holds itself is kept no second time.
    local procedure NoteDocument(var OrderRequest: Record "WINS Order Request"; SalesHeader: Record "Sales Header")
    var
        NotedOrderRequest: Record "WINS Order Request";
        OrderRequestLine: Record "WINS Order Request Line";
    begin
        NotedOrderRequest := OrderRequest;
        NotedOrderRequest.ClearPersonalData();
        NotedOrderRequest.State := NotedOrderRequest.State::Processed;
        NotedOrderRequest."Document Id" := SalesHeader.SystemId;
        NotedOrderRequest."Document No." := SalesHeader."No.";
        NotedOrderRequest."Processed At" := CurrentDateTime();
        NotedOrderRequest.Modify(true);
        OrderRequestLine.SetRange("Request Id", NotedOrderRequest.SystemId);
        OrderRequestLine.DeleteAll(true);
        OrderRequest := NotedOrderRequest;
    end;
}
