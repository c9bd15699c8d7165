enum 62202 "WINS Product Kind"
{
    Extensible = false;

    value(0; Simple)
    {
        Caption = 'Simple', Comment = 'nl-NL="Enkelvoudig"';
    }
    value(1; Virtual)
    {
        Caption = 'Virtual', Comment = 'nl-NL="Virtueel"';
    }
    value(2; Configurable)
    {
        Caption = 'Configurable', Comment = 'nl-NL="Configureerbaar"';
    }
}
