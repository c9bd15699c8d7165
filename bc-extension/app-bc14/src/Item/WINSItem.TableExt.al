tableextension 62200 "WINS Item" extends Item
{
    fields
    {
        field(62200; "WINS Sync"; Boolean)
        {
            Caption = 'Winstore Sync', Comment = 'nl-NL="Winstore-synchronisatie"';
            DataClassification = CustomerContent;
            InitValue = true;
        }
        field(62201; "WINS Status"; Enum "WINS Item Status")
        {
            Caption = 'Winstore Status', Comment = 'nl-NL="Winstore-status"';
            DataClassification = CustomerContent;
        }
        field(62202; "WINS Manage Stock"; Enum "WINS Manage Stock")
        {
            Caption = 'Winstore Manage Stock', Comment = 'nl-NL="Winstore-voorraadbeheer"';
            DataClassification = CustomerContent;
        }
        field(62203; "WINS Product Kind"; Enum "WINS Product Kind")
        {
            Caption = 'Winstore Product Kind', Comment = 'nl-NL="Winstore-productsoort"';
            DataClassification = CustomerContent;
        }
        field(62204; "WINS Parent Item No."; Code[20])
        {
            Caption = 'Winstore Parent Item No.', Comment = 'nl-NL="Winstore-hoofdartikelnr."';
            DataClassification = CustomerContent;
            TableRelation = Item;
        }
        field(62205; "WINS Short Description"; Text[250])
        {
            Caption = 'Winstore Short Description', Comment = 'nl-NL="Winstore-korte omschrijving"';
            DataClassification = CustomerContent;
        }
        field(62206; "WINS Long Description"; Blob)
        {
            Caption = 'Winstore Long Description', Comment = 'nl-NL="Winstore-lange omschrijving"';
            DataClassification = CustomerContent;
            Subtype = Memo;
        }
        field(62207; "WINS Web Id"; Code[50])
        {
            Caption = 'Winstore Web Id', Comment = 'nl-NL="Winstore-web-id"';
            DataClassification = CustomerContent;
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
        CalcFields("WINS Long Description");
        if not "WINS Long Description".HasValue() then
            exit('');
        "WINS Long Description".CreateInStream(ContentInStream, TextEncoding::UTF8);
        exit(TypeHelper.ReadAsTextWithSeparator(ContentInStream, TypeHelper.LFSeparator()));
    end;

    /// <summary>
    /// Sets the long description. The caller modifies the record.
    /// </summary>
    procedure WINSSetLongDescription(LongDescription: Text)
    var
        ContentOutStream: OutStream;
    begin
        Clear("WINS Long Description");
        if LongDescription = '' then
            exit;
        "WINS Long Description".CreateOutStream(ContentOutStream, TextEncoding::UTF8);
        ContentOutStream.WriteText(LongDescription);
    end;
}
