enum 62201 "WINS Manage Stock"
{
    Extensible = false;

    value(0; Default)
    {
        Caption = 'Default', Comment = 'nl-NL="Standaard"';
    }
    value(1; Yes)
    {
        Caption = 'Yes', Comment = 'nl-NL="Ja"';
    }
    value(2; No)
    {
        Caption = 'No', Comment = 'nl-NL="Nee"';
    }
}
