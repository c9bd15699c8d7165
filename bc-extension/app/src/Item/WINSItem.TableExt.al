tableextension 62200 "WINS Item" extends Item
{
    fields
    {
        field(62200; "WINS Sync"; Boolean)
        {
            Caption = 'Winstore Sync', Comment = 'nl-NL="Winstore-synchronisatie"';
            DataClassification = CustomerContent;
            InitValue = true;
            ToolTip = 'Specifies whether the item is kept in step with Winstore.', Comment = 'nl-NL="Hiermee wordt aangegeven of het artikel met Winstore wordt gesynchroniseerd."';
        }
        field(62201; "WINS Status"; Enum "WINS Item Status")
        {
            Caption = 'Winstore Status', Comment = 'nl-NL="Winstore-status"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies whether the shop shows the item.', Comment = 'nl-NL="Hiermee wordt aangegeven of de winkel het artikel toont."';
        }
        field(62202; "WINS Manage Stock"; Enum "WINS Manage Stock")
        {
            Caption = 'Winstore Manage Stock', Comment = 'nl-NL="Winstore-voorraadbeheer"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies whether the shop keeps the stock of the item.', Comment = 'nl-NL="Hiermee wordt aangegeven of de winkel de voorraad van het artikel bijhoudt."';
        }
        field(62203; "WINS Product Kind"; Enum "WINS Product Kind")
        {
            Caption = 'Winstore Product Kind', Comment = 'nl-NL="Winstore-productsoort"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies what kind of product the item is in the shop.', Comment = 'nl-NL="Hiermee wordt aangegeven wat voor product het artikel in de winkel is."';
        }
        field(62204; "WINS Parent Item No."; Code[20])
        {
            Caption = 'Winstore Parent Item No.', Comment = 'nl-NL="Winstore-hoofdartikelnr."';
            DataClassification = CustomerContent;
            TableRelation = Item;
            ToolTip = 'Specifies the item of which this item is a variant in the shop.', Comment = 'nl-NL="Hiermee wordt het artikel aangegeven waarvan dit artikel in de winkel een variant is."';
        }
        field(62205; "WINS Short Description"; Text[250])
        {
            Caption = 'Winstore Short Description', Comment = 'nl-NL="Winstore-korte omschrijving"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the short description in the shop.', Comment = 'nl-NL="Hiermee wordt de korte omschrijving in de winkel aangegeven."';
        }
        field(62206; "WINS Long Description"; Blob)
        {
            Caption = 'Winstore Long Description', Comment = 'nl-NL="Winstore-lange omschrijving"';
            DataClassification = CustomerContent;
            Subtype = Memo;
            ToolTip = 'Specifies the long description in the shop.', Comment = 'nl-NL="Hiermee wordt de lange omschrijving in de winkel aangegeven."';
        }
        field(62207; "WINS Web Id"; Code[50])
        {
            Caption = 'Winstore Web Id', Comment = 'nl-NL="Winstore-web-id"';
            DataClassification = CustomerContent;
            ToolTip = 'Specifies the id of the product in the shop.', Comment = 'nl-NL="Hiermee wordt de id van het product in de winkel aangegeven."';
        }
    }

    /// <summary>
    /// Gives the long description. A record that was read without it is read again.
    /// </summary>
    procedure WINSGetLongDescription(): Text
    var
        TypeHelper: Codeunit "Type Helper";
        ContentInStream: InStream;
    begin
        Rec.CalcFields("WINS Long Description");
        if not Rec."WINS Long Description".HasValue() then
            exit('');
        Rec."WINS Long Description".CreateInStream(ContentInStream, TextEncoding::UTF8);
        exit(TypeHelper.ReadAsTextWithSeparator(ContentInStream, TypeHelper.LFSeparator()));
    end;

    /// <summary>
    /// Sets the long description. The caller modifies the record.
    /// </summary>
    procedure WINSSetLongDescription(LongDescription: Text)
    var
        MarketingText: Codeunit "WINS Marketing Text";
        ContentOutStream: OutStream;
    begin
        Clear(Rec."WINS Long Description");
        if LongDescription <> '' then begin
            Rec."WINS Long Description".CreateOutStream(ContentOutStream, TextEncoding::UTF8);
            ContentOutStream.WriteText(LongDescription);
        end;
        MarketingText.Follow(Rec, LongDescription);
    end;
}
