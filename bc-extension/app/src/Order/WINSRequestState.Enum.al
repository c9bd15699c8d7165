enum 62205 "WINS Request State"
{
    Extensible = false;

    value(0; Received)
    {
        Caption = 'Received', Comment = 'nl-NL="Ontvangen"';
    }
    value(1; Processed)
    {
        Caption = 'Processed', Comment = 'nl-NL="Verwerkt"';
    }
}
