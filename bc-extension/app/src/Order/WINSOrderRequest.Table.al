table 62203 "WINS Order Request"
{
    Caption = 'Order Request', Comment = 'nl-NL="Orderaanvraag"';
    DataClassification = CustomerContent;

    fields
    {
        field(1; "Document Type"; Enum "Sales Document Type")
        {
            Caption = 'Document Type', Comment = 'nl-NL="Documentsoort"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the type of the document that the request makes.', Comment = 'nl-NL="Hiermee wordt de soort van het document aangegeven dat de aanvraag maakt."';
        }
        field(2; Reference; Code[35])
        {
            Caption = 'Reference', Comment = 'nl-NL="Referentie"';
            DataClassification = CustomerContent;
            NotBlank = true;
            ToolTip = 'Specifies the key of the request. No second document is made for it.', Comment = 'nl-NL="Hiermee wordt de sleutel van de aanvraag aangegeven. Er wordt geen tweede document voor gemaakt."';
        }
        field(3; "Content Hash"; Text[64])
        {
            Caption = 'Content Hash', Comment = 'nl-NL="Hash van de inhoud"';
            DataClassification = SystemMetadata;
            ToolTip = 'Specifies the hash of what was asked for, so that the same key with other content is refused.', Comment = 'nl-NL="Hiermee wordt de hash van de aanvraag aangegeven, zodat dezelfde sleutel met een andere inhoud wordt geweigerd."';
        }
        field(4; State; Enum "WINS Request State")
        {
            Caption = 'State', Comment = 'nl-NL="Status"';
            DataClassification = SystemMetadata;
            Editable = false;
            ToolTip = 'Specifies whether the document was made.', Comment = 'nl-NL="Hiermee wordt aangegeven of het document is gemaakt."';
        }
        field(5; "Customer No."; Code[20])
        {
            Caption = 'Customer No.', Comment = 'nl-NL="Klantnr."';
            DataClassification = CustomerContent;
            TableRelation = Customer;
            ToolTip = 'Specifies the customer of the order.', Comment = 'nl-NL="Hiermee wordt de klant van de order aangegeven."';
        }
        field(6; "Winstore Order No."; Code[50])
        {
            Caption = 'Winstore Order No.', Comment = 'nl-NL="Winstore-ordernr."';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the number of the order in Winstore.', Comment = 'nl-NL="Hiermee wordt het nummer van de order in Winstore aangegeven."';
        }
        field(7; "Order Date"; Date)
        {
            Caption = 'Order Date', Comment = 'nl-NL="Orderdatum"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the date of the order.', Comment = 'nl-NL="Hiermee wordt de datum van de order aangegeven."';
        }
        field(8; "Requested Delivery Date"; Date)
        {
            Caption = 'Requested Delivery Date', Comment = 'nl-NL="Gevraagde leverdatum"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the date that the customer asked for.', Comment = 'nl-NL="Hiermee wordt de door de klant gevraagde leverdatum aangegeven."';
        }
        field(9; "Currency Code"; Code[10])
        {
            Caption = 'Currency Code', Comment = 'nl-NL="Valutacode"';
            DataClassification = CustomerContent;
            TableRelation = Currency;
            ToolTip = 'Specifies the currency of the order. Empty means the local currency.', Comment = 'nl-NL="Hiermee wordt de valuta van de order aangegeven. Leeg betekent de lokale valuta."';
        }
        field(10; "Prices Including VAT"; Boolean)
        {
            Caption = 'Prices Including VAT', Comment = 'nl-NL="Prijzen incl. btw"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies whether the prices of the lines include VAT.', Comment = 'nl-NL="Hiermee wordt aangegeven of de prijzen van de regels inclusief btw zijn."';
        }
        field(11; "Your Reference"; Text[35])
        {
            Caption = 'Your Reference', Comment = 'nl-NL="Uw referentie"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the reference of the customer.', Comment = 'nl-NL="Hiermee wordt de referentie van de klant aangegeven."';
        }
        field(12; "Customer Posting Group"; Code[20])
        {
            Caption = 'Customer Posting Group', Comment = 'nl-NL="Klantboekingsgroep"';
            DataClassification = CustomerContent;
            TableRelation = "Customer Posting Group";
            ToolTip = 'Specifies the customer posting group. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de klantboekingsgroep aangegeven. Leeg neemt die van de klant."';
        }
        field(13; "Gen. Bus. Posting Group"; Code[20])
        {
            Caption = 'Gen. Bus. Posting Group', Comment = 'nl-NL="Bedrijfsboekingsgroep"';
            DataClassification = CustomerContent;
            TableRelation = "Gen. Business Posting Group";
            ToolTip = 'Specifies the general business posting group. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de bedrijfsboekingsgroep aangegeven. Leeg neemt die van de klant."';
        }
        field(14; "VAT Bus. Posting Group"; Code[20])
        {
            Caption = 'VAT Bus. Posting Group', Comment = 'nl-NL="Btw-bedrijfsboekingsgroep"';
            DataClassification = CustomerContent;
            TableRelation = "VAT Business Posting Group";
            ToolTip = 'Specifies the VAT business posting group. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de btw-bedrijfsboekingsgroep aangegeven. Leeg neemt die van de klant."';
        }
        field(15; "Payment Terms Code"; Code[10])
        {
            Caption = 'Payment Terms Code', Comment = 'nl-NL="Betalingsconditie"';
            DataClassification = CustomerContent;
            TableRelation = "Payment Terms";
            ToolTip = 'Specifies the payment terms. Empty takes those of the customer.', Comment = 'nl-NL="Hiermee wordt de betalingsconditie aangegeven. Leeg neemt die van de klant."';
        }
        field(16; "Payment Method Code"; Code[10])
        {
            Caption = 'Payment Method Code', Comment = 'nl-NL="Betalingswijze"';
            DataClassification = CustomerContent;
            TableRelation = "Payment Method";
            ToolTip = 'Specifies the payment method. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de betalingswijze aangegeven. Leeg neemt die van de klant."';
        }
        field(17; "Shipment Method Code"; Code[10])
        {
            Caption = 'Shipment Method Code', Comment = 'nl-NL="Verzendwijze"';
            DataClassification = CustomerContent;
            TableRelation = "Shipment Method";
            ToolTip = 'Specifies the shipment method. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de verzendwijze aangegeven. Leeg neemt die van de klant."';
        }
        field(18; "Shipping Agent Code"; Code[10])
        {
            Caption = 'Shipping Agent Code', Comment = 'nl-NL="Expediteurscode"';
            DataClassification = CustomerContent;
            TableRelation = "Shipping Agent";
            ToolTip = 'Specifies the shipping agent. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de expediteur aangegeven. Leeg neemt die van de klant."';
        }
        field(19; "Salesperson Code"; Code[20])
        {
            Caption = 'Salesperson Code', Comment = 'nl-NL="Verkopercode"';
            DataClassification = CustomerContent;
            TableRelation = "Salesperson/Purchaser";
            ToolTip = 'Specifies the salesperson. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de verkoper aangegeven. Leeg neemt die van de klant."';
        }
        field(20; "Location Code"; Code[10])
        {
            Caption = 'Location Code', Comment = 'nl-NL="Vestigingscode"';
            DataClassification = CustomerContent;
            TableRelation = Location;
            ToolTip = 'Specifies the location from which the order is delivered.', Comment = 'nl-NL="Hiermee wordt de vestiging aangegeven van waaruit de order wordt geleverd."';
        }
        field(21; "Ship-to Code"; Code[10])
        {
            Caption = 'Ship-to Code', Comment = 'nl-NL="Verzendadrescode"';
            DataClassification = CustomerContent;
            TableRelation = "Ship-to Address".Code where("Customer No." = field("Customer No."));
            ToolTip = 'Specifies the ship-to address of the customer. Empty takes the address that was sent.', Comment = 'nl-NL="Hiermee wordt het verzendadres van de klant aangegeven. Leeg neemt het meegestuurde adres."';
        }
        field(22; "Phone No."; Text[30])
        {
            Caption = 'Phone No.', Comment = 'nl-NL="Telefoonnr."';
            DataClassification = EndUserIdentifiableInformation;
            ExtendedDatatype = PhoneNo;
            ToolTip = 'Specifies the phone number for questions about the order.', Comment = 'nl-NL="Hiermee wordt het telefoonnummer voor vragen over de order aangegeven."';
        }
        field(23; "E-Mail"; Text[80])
        {
            Caption = 'E-Mail', Comment = 'nl-NL="E-mail"';
            DataClassification = EndUserIdentifiableInformation;
            ExtendedDatatype = EMail;
            ToolTip = 'Specifies the e-mail address for questions about the order.', Comment = 'nl-NL="Hiermee wordt het e-mailadres voor vragen over de order aangegeven."';
        }
        field(24; "Invoice Discount Amount"; Decimal)
        {
            Caption = 'Invoice Discount Amount', Comment = 'nl-NL="Factuurkortingsbedrag"';
            DataClassification = CustomerContent;
            MinValue = 0;
            ToolTip = 'Specifies the discount on the whole document.', Comment = 'nl-NL="Hiermee wordt de korting op het hele document aangegeven."';
        }
        field(25; Release; Boolean)
        {
            Caption = 'Release', Comment = 'nl-NL="Vrijgeven"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies whether the document is released once it is made.', Comment = 'nl-NL="Hiermee wordt aangegeven of het document wordt vrijgegeven zodra het is gemaakt."';
        }
        field(26; "Shipping Agent Service Code"; Code[10])
        {
            Caption = 'Shipping Agent Service Code', Comment = 'nl-NL="Expediteursservicecode"';
            DataClassification = CustomerContent;
            TableRelation = "Shipping Agent Services".Code where("Shipping Agent Code" = field("Shipping Agent Code"));
            ToolTip = 'Specifies the service of the shipping agent.', Comment = 'nl-NL="Hiermee wordt de service van de expediteur aangegeven."';
        }
        field(27; "Package Tracking No."; Text[50])
        {
            Caption = 'Package Tracking No.', Comment = 'nl-NL="Pakkettraceringsnr."';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the tracking number of the package.', Comment = 'nl-NL="Hiermee wordt het traceringsnummer van het pakket aangegeven."';
        }
        field(28; "Customer Price Group"; Code[10])
        {
            Caption = 'Customer Price Group', Comment = 'nl-NL="Klantprijsgroep"';
            DataClassification = CustomerContent;
            TableRelation = "Customer Price Group";
            ToolTip = 'Specifies the customer price group. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de klantprijsgroep aangegeven. Leeg neemt die van de klant."';
        }
        field(29; "Customer Disc. Group"; Code[20])
        {
            Caption = 'Customer Disc. Group', Comment = 'nl-NL="Klantkortingsgroep"';
            DataClassification = CustomerContent;
            TableRelation = "Customer Discount Group";
            ToolTip = 'Specifies the customer discount group. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de klantkortingsgroep aangegeven. Leeg neemt die van de klant."';
        }
        field(30; "Sell-to Name"; Text[100])
        {
            Caption = 'Sell-to Name', Comment = 'nl-NL="Orderklant: naam"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the sell-to name of the order.', Comment = 'nl-NL="Hiermee wordt de naam (orderklant) van de order aangegeven."';
        }
        field(31; "Sell-to Contact"; Text[100])
        {
            Caption = 'Sell-to Contact', Comment = 'nl-NL="Orderklant: contact"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the sell-to contact of the order.', Comment = 'nl-NL="Hiermee wordt het contact (orderklant) van de order aangegeven."';
        }
        field(32; "Sell-to Address"; Text[100])
        {
            Caption = 'Sell-to Address', Comment = 'nl-NL="Orderklant: adres"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the sell-to address of the order.', Comment = 'nl-NL="Hiermee wordt het adres (orderklant) van de order aangegeven."';
        }
        field(33; "Sell-to Address 2"; Text[50])
        {
            Caption = 'Sell-to Address 2', Comment = 'nl-NL="Orderklant: adres 2"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the second line of the sell-to address.', Comment = 'nl-NL="Hiermee wordt de tweede adresregel (orderklant) aangegeven."';
        }
        field(34; "Sell-to Post Code"; Code[20])
        {
            Caption = 'Sell-to Post Code', Comment = 'nl-NL="Orderklant: postcode"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the sell-to post code of the order.', Comment = 'nl-NL="Hiermee wordt de postcode (orderklant) van de order aangegeven."';
        }
        field(35; "Sell-to City"; Text[30])
        {
            Caption = 'Sell-to City', Comment = 'nl-NL="Orderklant: plaats"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the sell-to city of the order.', Comment = 'nl-NL="Hiermee wordt de plaats (orderklant) van de order aangegeven."';
        }
        field(36; "Sell-to County"; Text[30])
        {
            Caption = 'Sell-to County', Comment = 'nl-NL="Orderklant: provincie"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the sell-to county of the order.', Comment = 'nl-NL="Hiermee wordt de provincie (orderklant) van de order aangegeven."';
        }
        field(37; "Sell-to Country/Region Code"; Code[10])
        {
            Caption = 'Sell-to Country/Region Code', Comment = 'nl-NL="Orderklant: land/regio"';
            DataClassification = EndUserIdentifiableInformation;
            TableRelation = "Country/Region";
            ToolTip = 'Specifies the sell-to country or region of the order.', Comment = 'nl-NL="Hiermee wordt het land of de regio (orderklant) van de order aangegeven."';
        }
        field(40; "Bill-to Name"; Text[100])
        {
            Caption = 'Bill-to Name', Comment = 'nl-NL="Factuurklant: naam"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the bill-to name of the order.', Comment = 'nl-NL="Hiermee wordt de naam (factuurklant) van de order aangegeven."';
        }
        field(41; "Bill-to Contact"; Text[100])
        {
            Caption = 'Bill-to Contact', Comment = 'nl-NL="Factuurklant: contact"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the bill-to contact of the order.', Comment = 'nl-NL="Hiermee wordt het contact (factuurklant) van de order aangegeven."';
        }
        field(42; "Bill-to Address"; Text[100])
        {
            Caption = 'Bill-to Address', Comment = 'nl-NL="Factuurklant: adres"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the bill-to address of the order.', Comment = 'nl-NL="Hiermee wordt het adres (factuurklant) van de order aangegeven."';
        }
        field(43; "Bill-to Address 2"; Text[50])
        {
            Caption = 'Bill-to Address 2', Comment = 'nl-NL="Factuurklant: adres 2"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the second line of the bill-to address.', Comment = 'nl-NL="Hiermee wordt de tweede adresregel (factuurklant) aangegeven."';
        }
        field(44; "Bill-to Post Code"; Code[20])
        {
            Caption = 'Bill-to Post Code', Comment = 'nl-NL="Factuurklant: postcode"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the bill-to post code of the order.', Comment = 'nl-NL="Hiermee wordt de postcode (factuurklant) van de order aangegeven."';
        }
        field(45; "Bill-to City"; Text[30])
        {
            Caption = 'Bill-to City', Comment = 'nl-NL="Factuurklant: plaats"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the bill-to city of the order.', Comment = 'nl-NL="Hiermee wordt de plaats (factuurklant) van de order aangegeven."';
        }
        field(46; "Bill-to County"; Text[30])
        {
            Caption = 'Bill-to County', Comment = 'nl-NL="Factuurklant: provincie"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the bill-to county of the order.', Comment = 'nl-NL="Hiermee wordt de provincie (factuurklant) van de order aangegeven."';
        }
        field(47; "Bill-to Country/Region Code"; Code[10])
        {
            Caption = 'Bill-to Country/Region Code', Comment = 'nl-NL="Factuurklant: land/regio"';
            DataClassification = EndUserIdentifiableInformation;
            TableRelation = "Country/Region";
            ToolTip = 'Specifies the bill-to country or region of the order.', Comment = 'nl-NL="Hiermee wordt het land of de regio (factuurklant) van de order aangegeven."';
        }
        field(50; "Ship-to Name"; Text[100])
        {
            Caption = 'Ship-to Name', Comment = 'nl-NL="Verzendadres: naam"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the ship-to name of the order.', Comment = 'nl-NL="Hiermee wordt de naam (verzendadres) van de order aangegeven."';
        }
        field(51; "Ship-to Contact"; Text[100])
        {
            Caption = 'Ship-to Contact', Comment = 'nl-NL="Verzendadres: contact"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the ship-to contact of the order.', Comment = 'nl-NL="Hiermee wordt het contact (verzendadres) van de order aangegeven."';
        }
        field(52; "Ship-to Address"; Text[100])
        {
            Caption = 'Ship-to Address', Comment = 'nl-NL="Verzendadres: adres"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the ship-to address of the order.', Comment = 'nl-NL="Hiermee wordt het adres (verzendadres) van de order aangegeven."';
        }
        field(53; "Ship-to Address 2"; Text[50])
        {
            Caption = 'Ship-to Address 2', Comment = 'nl-NL="Verzendadres: adres 2"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the second line of the ship-to address.', Comment = 'nl-NL="Hiermee wordt de tweede adresregel (verzendadres) aangegeven."';
        }
        field(54; "Ship-to Post Code"; Code[20])
        {
            Caption = 'Ship-to Post Code', Comment = 'nl-NL="Verzendadres: postcode"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the ship-to post code of the order.', Comment = 'nl-NL="Hiermee wordt de postcode (verzendadres) van de order aangegeven."';
        }
        field(55; "Ship-to City"; Text[30])
        {
            Caption = 'Ship-to City', Comment = 'nl-NL="Verzendadres: plaats"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the ship-to city of the order.', Comment = 'nl-NL="Hiermee wordt de plaats (verzendadres) van de order aangegeven."';
        }
        field(56; "Ship-to County"; Text[30])
        {
            Caption = 'Ship-to County', Comment = 'nl-NL="Verzendadres: provincie"';
            DataClassification = EndUserIdentifiableInformation;
            ToolTip = 'Specifies the ship-to county of the order.', Comment = 'nl-NL="Hiermee wordt de provincie (verzendadres) van de order aangegeven."';
        }
        field(57; "Ship-to Country/Region Code"; Code[10])
        {
            Caption = 'Ship-to Country/Region Code', Comment = 'nl-NL="Verzendadres: land/regio"';
            DataClassification = EndUserIdentifiableInformation;
            TableRelation = "Country/Region";
            ToolTip = 'Specifies the ship-to country or region of the order.', Comment = 'nl-NL="Hiermee wordt het land of de regio (verzendadres) van de order aangegeven."';
        }
        field(60; "Document Id"; Guid)
        {
            Caption = 'Document Id', Comment = 'nl-NL="Document-id"';
            DataClassification = SystemMetadata;
            Editable = false;
            ToolTip = 'Specifies the id of the document that was made.', Comment = 'nl-NL="Hiermee wordt de id van het gemaakte document aangegeven."';
        }
        field(61; "Document No."; Code[20])
        {
            Caption = 'Document No.', Comment = 'nl-NL="Documentnr."';
            DataClassification = CustomerContent;
            Editable = false;
            ToolTip = 'Specifies the number of the document that was made.', Comment = 'nl-NL="Hiermee wordt het nummer van het gemaakte document aangegeven."';
        }
        field(62; "Posted Document No."; Code[20])
        {
            Caption = 'Posted Document No.', Comment = 'nl-NL="Nr. van geboekt document"';
            DataClassification = CustomerContent;
            Editable = false;
            ToolTip = 'Specifies the number of the posted invoice or credit memo.', Comment = 'nl-NL="Hiermee wordt het nummer van de geboekte factuur of creditnota aangegeven."';
        }
        field(63; "Processed At"; DateTime)
        {
            Caption = 'Processed At', Comment = 'nl-NL="Verwerkt op"';
            DataClassification = SystemMetadata;
            Editable = false;
            ToolTip = 'Specifies when the document was made.', Comment = 'nl-NL="Hiermee wordt aangegeven wanneer het document is gemaakt."';
        }
        field(64; "Language Code"; Code[10])
        {
            Caption = 'Language Code', Comment = 'nl-NL="Taalcode"';
            DataClassification = CustomerContent;
            TableRelation = Language;
            ToolTip = 'Specifies the language of the document. Empty takes that of the customer.', Comment = 'nl-NL="Hiermee wordt de taal van het document aangegeven. Leeg neemt die van de klant."';
        }
        field(65; "Work Description"; Text[2048])
        {
            Caption = 'Work Description', Comment = 'nl-NL="Werkomschrijving"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the description of the work.', Comment = 'nl-NL="Hiermee wordt de omschrijving van het werk aangegeven."';
        }
    }

    keys
    {
        key(PK; "Document Type", Reference)
        {
            Clustered = true;
        }
        key(Document; "Document Id")
        {
        }
    }

    /// <summary>
    /// Empties the fields about a person. The document has them.
    /// </summary>
    procedure ClearPersonalData()
    begin
        Rec."Phone No." := '';
        Rec."E-Mail" := '';
        Rec."Work Description" := '';
        Rec."Sell-to Name" := '';
        Rec."Sell-to Contact" := '';
        Rec."Sell-to Address" := '';
        Rec."Sell-to Address 2" := '';
        Rec."Sell-to Post Code" := '';
        Rec."Sell-to City" := '';
        Rec."Sell-to County" := '';
        Rec."Sell-to Country/Region Code" := '';
        Rec."Bill-to Name" := '';
        Rec."Bill-to Contact" := '';
        Rec."Bill-to Address" := '';
        Rec."Bill-to Address 2" := '';
        Rec."Bill-to Post Code" := '';
        Rec."Bill-to City" := '';
        Rec."Bill-to County" := '';
        Rec."Bill-to Country/Region Code" := '';
        Rec."Ship-to Name" := '';
        Rec."Ship-to Contact" := '';
        Rec."Ship-to Address" := '';
        Rec."Ship-to Address 2" := '';
        Rec."Ship-to Post Code" := '';
        Rec."Ship-to City" := '';
        Rec."Ship-to County" := '';
        Rec."Ship-to Country/Region Code" := '';
    end;
}
