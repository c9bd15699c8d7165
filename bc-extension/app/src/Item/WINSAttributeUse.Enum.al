enum 62203 "WINS Attribute Use"
{
    Extensible = false;

    value(0; None)
    {
        Caption = 'None', Comment = 'nl-NL="Geen"';
    }
    value(1; Option)
    {
        Caption = 'Option', Comment = 'nl-NL="Optie"';
    }
    value(2; Feature)
    {
        Caption = 'Feature', Comment = 'nl-NL="Kenmerk"';
    }
}
