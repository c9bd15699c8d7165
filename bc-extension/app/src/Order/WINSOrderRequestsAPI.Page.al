page 62232 "WINS Order Requests API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'orderRequest';
    EntitySetName = 'orderRequests';
    EntityCaption = 'Order request', Locked = true;
    EntitySetCaption = 'Order requests', Locked = true;
    SourceTable = "WINS Order Request";
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
                field(documentType; Rec."Document Type")
                {
                    Caption = 'Document type', Locked = true;
                }
                field(reference; Rec.Reference)
                {
                    Caption = 'Reference', Locked = true;
                }
                field(contentHash; Rec."Content Hash")
                {
                    Caption = 'Content hash', Locked = true;
                }
                field(state; Rec.State)
                {
                    Caption = 'State', Locked = true;
                    Editable = false;
                }
                field(customerNumber; Rec."Customer No.")
                {
                    Caption = 'Customer number', Locked = true;
                }
                field(winstoreOrderNumber; Rec."Winstore Order No.")
                {
                    Caption = 'Winstore order number', Locked = true;
                }
                field(orderDate; Rec."Order Date")
                {
                    Caption = 'Order date', Locked = true;
                }
                field(requestedDeliveryDate; Rec."Requested Delivery Date")
                {
                    Caption = 'Requested delivery date', Locked = true;
                }
                field(currencyCode; Rec."Currency Code")
                {
                    Caption = 'Currency code', Locked = true;
                }
                field(pricesIncludingVat; Rec."Prices Including VAT")
                {
                    Caption = 'Prices including vat', Locked = true;
                }
                field(yourReference; Rec."Your Reference")
                {
                    Caption = 'Your reference', Locked = true;
                }
                field(customerPostingGroup; Rec."Customer Posting Group")
                {
                    Caption = 'Customer posting group', Locked = true;
                }
                field(genBusPostingGroup; Rec."Gen. Bus. Posting Group")
                {
                    Caption = 'Gen bus posting group', Locked = true;
                }
                field(vatBusPostingGroup; Rec."VAT Bus. Posting Group")
                {
                    Caption = 'Vat bus posting group', Locked = true;
                }
                field(paymentTermsCode; Rec."Payment Terms Code")
                {
                    Caption = 'Payment terms code', Locked = true;
                }
                field(paymentMethodCode; Rec."Payment Method Code")
                {
                    Caption = 'Payment method code', Locked = true;
                }
                field(shipmentMethodCode; Rec."Shipment Method Code")
                {
                    Caption = 'Shipment method code', Locked = true;
                }
                field(shippingAgentCode; Rec."Shipping Agent Code")
                {
                    Caption = 'Shipping agent code', Locked = true;
                }
                field(shippingAgentServiceCode; Rec."Shipping Agent Service Code")
                {
                    Caption = 'Shipping agent service code', Locked = true;
                }
                field(packageTrackingNo; Rec."Package Tracking No.")
                {
                    Caption = 'Package tracking no', Locked = true;
                }
                field(customerPriceGroup; Rec."Customer Price Group")
                {
                    Caption = 'Customer price group', Locked = true;
                }
                field(customerDiscGroup; Rec."Customer Disc. Group")
                {
                    Caption = 'Customer disc group', Locked = true;
                }
                field(languageCode; Rec."Language Code")
                {
                    Caption = 'Language code', Locked = true;
                }
                field(workDescription; Rec."Work Description")
                {
                    Caption = 'Work description', Locked = true;
                }
                field(salespersonCode; Rec."Salesperson Code")
                {
                    Caption = 'Salesperson code', Locked = true;
                }
                field(locationCode; Rec."Location Code")
                {
                    Caption = 'Location code', Locked = true;
                }
                field(shipToCode; Rec."Ship-to Code")
                {
                    Caption = 'Ship to code', Locked = true;
                }
                field(phoneNumber; Rec."Phone No.")
                {
                    Caption = 'Phone number', Locked = true;
                }
                field(email; Rec."E-Mail")
                {
                    Caption = 'Email', Locked = true;
                }
                field(invoiceDiscountAmount; Rec."Invoice Discount Amount")
                {
                    Caption = 'Invoice discount amount', Locked = true;
                }
                field(release; Rec.Release)
                {
                    Caption = 'Release', Locked = true;
                }
                field(sellToName; Rec."Sell-to Name")
                {
                    Caption = 'Sell to name', Locked = true;
                }
                field(sellToContact; Rec."Sell-to Contact")
                {
                    Caption = 'Sell to contact', Locked = true;
                }
                field(sellToAddress; Rec."Sell-to Address")
                {
                    Caption = 'Sell to address', Locked = true;
                }
                field(sellToAddress2; Rec."Sell-to Address 2")
                {
                    Caption = 'Sell to address 2', Locked = true;
                }
                field(sellToPostCode; Rec."Sell-to Post Code")
                {
                    Caption = 'Sell to post code', Locked = true;
                }
                field(sellToCity; Rec."Sell-to City")
                {
                    Caption = 'Sell to city', Locked = true;
                }
                field(sellToCounty; Rec."Sell-to County")
                {
                    Caption = 'Sell to county', Locked = true;
                }
                field(sellToCountryRegionCode; Rec."Sell-to Country/Region Code")
                {
                    Caption = 'Sell to country region code', Locked = true;
                }
                field(billToName; Rec."Bill-to Name")
                {
                    Caption = 'Bill to name', Locked = true;
                }
                field(billToContact; Rec."Bill-to Contact")
                {
                    Caption = 'Bill to contact', Locked = true;
                }
                field(billToAddress; Rec."Bill-to Address")
                {
                    Caption = 'Bill to address', Locked = true;
                }
                field(billToAddress2; Rec."Bill-to Address 2")
                {
                    Caption = 'Bill to address 2', Locked = true;
                }
                field(billToPostCode; Rec."Bill-to Post Code")
                {
                    Caption = 'Bill to post code', Locked = true;
                }
                field(billToCity; Rec."Bill-to City")
                {
                    Caption = 'Bill to city', Locked = true;
                }
                field(billToCounty; Rec."Bill-to County")
                {
                    Caption = 'Bill to county', Locked = true;
                }
                field(billToCountryRegionCode; Rec."Bill-to Country/Region Code")
                {
                    Caption = 'Bill to country region code', Locked = true;
                }
                field(shipToName; Rec."Ship-to Name")
                {
                    Caption = 'Ship to name', Locked = true;
                }
                field(shipToContact; Rec."Ship-to Contact")
                {
                    Caption = 'Ship to contact', Locked = true;
                }
                field(shipToAddress; Rec."Ship-to Address")
                {
                    Caption = 'Ship to address', Locked = true;
                }
                field(shipToAddress2; Rec."Ship-to Address 2")
                {
                    Caption = 'Ship to address 2', Locked = true;
                }
                field(shipToPostCode; Rec."Ship-to Post Code")
                {
                    Caption = 'Ship to post code', Locked = true;
                }
                field(shipToCity; Rec."Ship-to City")
                {
                    Caption = 'Ship to city', Locked = true;
                }
                field(shipToCounty; Rec."Ship-to County")
                {
                    Caption = 'Ship to county', Locked = true;
                }
                field(shipToCountryRegionCode; Rec."Ship-to Country/Region Code")
                {
                    Caption = 'Ship to country region code', Locked = true;
                }
                field(documentId; Rec."Document Id")
                {
                    Caption = 'Document id', Locked = true;
                    Editable = false;
                }
                field(documentNumber; Rec."Document No.")
                {
                    Caption = 'Document number', Locked = true;
                    Editable = false;
                }
                field(postedDocumentNumber; Rec."Posted Document No.")
                {
                    Caption = 'Posted document number', Locked = true;
                    Editable = false;
                }
                field(processedAt; Rec."Processed At")
                {
                    Caption = 'Processed at', Locked = true;
                    Editable = false;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
            part(orderRequestLines; "WINS Order Request Lines API")
            {
                Caption = 'Order request lines', Locked = true;
                EntityName = 'orderRequestLine';
                EntitySetName = 'orderRequestLines';
                SubPageLink = "Request Id" = field(SystemId);
            }
        }
    }

    var
        OrderProcessing: Codeunit "WINS Order Processing";

    trigger OnInsertRecord(BelowxRec: Boolean): Boolean
    begin
        exit(not OrderProcessing.IsKnown(Rec));
    end;

    /// <summary>
    /// Makes the document of the request, unless it was made before. Refuses a request with other content than is meant.
    /// </summary>
    [ServiceEnabled]
    [Scope('Cloud')]
    procedure Process(var ActionContext: WebServiceActionContext; contentHash: Text[64])
    begin
        OrderProcessing.CheckContent(Rec, contentHash);
        OrderProcessing.Process(Rec);
        ActionContext.SetObjectType(ObjectType::Page);
        ActionContext.SetObjectId(Page::"WINS Order Requests API");
        ActionContext.AddEntityKey(Rec.FieldNo(SystemId), Rec.SystemId);
        ActionContext.SetResultCode(WebServiceActionResultCode::Updated);
    end;
}
