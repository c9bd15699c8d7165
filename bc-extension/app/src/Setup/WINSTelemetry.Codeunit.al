/// <summary>
/// Sends signals about what the app did. They hold no number, name or other data of a record.
/// </summary>
codeunit 62207 "WINS Telemetry"
{
    Access = Internal;

    var
        CategoryTok: Label 'Winstore', Locked = true;
        OrderRequestProcessedTxt: Label 'An order request became a sales document.', Locked = true;

    /// <summary>
    /// Tells that an order request became a sales document.
    /// </summary>
    procedure OrderRequestProcessed()
    begin
        Session.LogMessage('WINS0001', OrderRequestProcessedTxt, Verbosity::Normal, DataClassification::SystemMetadata, TelemetryScope::ExtensionPublisher, 'Category', CategoryTok);
    end;
}
