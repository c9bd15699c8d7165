enum 62200 "WINS Item Status"
{
    Extensible = false;

    value(0; Draft)
    {
        Caption = 'Draft', Comment = 'nl-NL="Concept"';
    }
    value(1; Published)
    {
        Caption = 'Published', Comment = 'nl-NL="Gepubliceerd"';
    }
    value(2; Hidden)
    {
        Caption = 'Hidden', Comment = 'nl-NL="Verborgen"';
    }
}
