page 62229 "WINS Customer Settings API"
{
    PageType = API;
    APIPublisher = 'connector';
    APIGroup = 'winstore';
    APIVersion = 'v1.0';
    EntityName = 'customerSetting';
    EntitySetName = 'customerSettings';
    EntityCaption = 'Customer setting', Locked = true;
    EntitySetCaption = 'Customer settings', Locked = true;
    SourceTable = Customer;
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
                field(syncEnabled; Rec."WINS Sync")
                {
                    Caption = 'Sync enabled', Locked = true;
                }
                field(webId; Rec."WINS Web Id")
                {
                    Caption = 'Web id', Locked = true;
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
                field(customerPriceGroup; Rec."Customer Price Group")
                {
                    Caption = 'Customer price group', Locked = true;
                }
                field(customerDiscountGroup; Rec."Customer Disc. Group")
                {
                    Caption = 'Customer discount group', Locked = true;
                }
                field(pricesIncludingVat; Rec."Prices Including VAT")
                {
                    Caption = 'Prices including vat', Locked = true;
                }
                field(languageCode; Rec."Language Code")
                {
                    Caption = 'Language code', Locked = true;
                }
                field(primaryContactNumber; Rec."Primary Contact No.")
                {
                    Caption = 'Primary contact number', Locked = true;
                }
                field(privacyBlocked; Rec."Privacy Blocked")
                {
                    Caption = 'Privacy blocked', Locked = true;
                }
                field(templateCode; Rec."WINS Template Code")
                {
                    Caption = 'Template code', Locked = true;
                }
                field(lastModifiedDateTime; Rec.SystemModifiedAt)
                {
                    Caption = 'Last modified date time', Locked = true;
                    Editable = false;
                }
            }
        }
    }

    // What else the same call gives stays: a template fills what is empty.
    trigger OnModifyRecord(): Boolean
    begin
        if (Rec."WINS Template Code" <> xRec."WINS Template Code") and (Rec."WINS Template Code" <> '') then
            ApplyTemplateWithCode(Rec."WINS Template Code");
        exit(true);
    end;

    /// <summary>
    /// Gives the customer what a customer template holds.
    /// </summary>
    [ServiceEnabled]
    [Scope('Cloud')]
    procedure ApplyTemplate(var ActionContext: WebServiceActionContext; templateCode: Code[20])
    begin
        ApplyTemplateWithCode(templateCode);
        ActionContext.SetObjectType(ObjectType::Page);
        ActionContext.SetObjectId(Page::"WINS Customer Settings API");
        ActionContext.AddEntityKey(Rec.FieldNo(SystemId), Rec.SystemId);
        ActionContext.SetResultCode(WebServiceActionResultCode::Updated);
    end;

    local procedure ApplyTemplateWithCode(TemplateCode: Code[20])
    var
        CustomerTempl: Record "Customer Templ.";
        CustomerTemplMgt: Codeunit "Customer Templ. Mgt.";
    begin
        CustomerTempl.Get(TemplateCode);
        CustomerTemplMgt.ApplyCustomerTemplate(Rec, CustomerTempl);
    end;
}
