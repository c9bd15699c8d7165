enum 62206 "WINS Direction"
{
    Extensible = false;

    value(0; "From Winstore")
    {
        Caption = 'From Winstore', Comment = 'nl-NL="Van Winstore"';
    }
    value(1; "To Winstore")
    {
        Caption = 'To Winstore', Comment = 'nl-NL="Naar Winstore"';
    }
}
