page 62231 "WINS Sales Orders API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'salesOrderSetting';
    EntitySetName = 'salesOrderSettings';
    EntityCaption = 'Sales order setting', Locked = true;
    EntitySetCaption = 'Sales order settings', Locked = true;
    SourceTable = "Sales Header";
    SourceTableView = where("Document Type" = const(Order));
    ODataKeyFields = SystemId;
    DelayedInsert = true;
    Extensible = false;
    InsertAllowed = false;
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
                field(number; Rec."No.")
                {
                    Caption = 'Number', Locked = true;
                    Editable = false;
                }
                field(winstoreOrderNumber; Rec."WINS Order No.")
                {
                    Caption = 'Winstore order number', Locked = true;
                }
                field(yourReference; Rec."Your Reference")
                {
                    Caption = 'Your reference', Locked = true;
                }
                field(shipToCode; Rec."Ship-to Code")
                {
                    Caption = 'Ship to code', Locked = true;
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
                field(paymentMethodCode; Rec."Payment Method Code")
                {
                    Caption = 'Payment method code', Locked = true;
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
                field(locationCode; Rec."Location Code")
                {
                    Caption = 'Location code', Locked = true;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    /// <summary>
    /// Releases the order.
    /// </summary>
    [ServiceEnabled]
    [Scope('Cloud')]
    procedure Release(var ActionContext: WebServiceActionContext)
    var
        ReleaseSalesDocument: Codeunit "Release Sales Document";
    begin
        ReleaseSalesDocument.PerformManualRelease(Rec);
        ActionContext.SetObjectType(ObjectType::Page);
        ActionContext.SetObjectId(Page::"WINS Sales Orders API");
        ActionContext.AddEntityKey(Rec.FieldNo(SystemId), Rec.SystemId);
        ActionContext.SetResultCode(WebServiceActionResultCode::Updated);
    end;

    /// <summary>
    /// Posts a shipment of the quantities to ship that stand on the lines.
    /// </summary>
    [ServiceEnabled]
    [Scope('Cloud')]
    procedure Ship(var ActionContext: WebServiceActionContext)
    begin
        Rec.Ship := true;
        Rec.Invoice := false;
        Codeunit.Run(Codeunit::"Sales-Post", Rec);
        ActionContext.SetObjectType(ObjectType::Page);
        ActionContext.SetObjectId(Page::"WINS Sales Orders API");
        ActionContext.AddEntityKey(Rec.FieldNo(SystemId), Rec.SystemId);
        ActionContext.SetResultCode(WebServiceActionResultCode::Updated);
    end;

    /// <summary>
    /// Ships the order up to the quantities that have left the shop. A second call with the same ships nothing more.
    /// </summary>
    /// <param name="quantities">What is shipped of each line in all, as JSON: [{"sequence": 10000, "quantity": 2}]. Empty: all of every line.</param>
    [ServiceEnabled]
    [Scope('Cloud')]
    procedure ShipUpTo(var ActionContext: WebServiceActionContext; quantities: Text)
    var
        OrderShipping: Codeunit "WINS Order Shipping";
    begin
        OrderShipping.ShipUpTo(Rec, quantities);
        ActionContext.SetObjectType(ObjectType::Page);
        ActionContext.SetObjectId(Page::"WINS Sales Orders API");
        ActionContext.AddEntityKey(Rec.FieldNo(SystemId), Rec.SystemId);
        ActionContext.SetResultCode(WebServiceActionResultCode::Updated);
    end;
}
