/// <summary>
/// Ships an order up to what has left the shop. Whoever asks twice ships once.
/// </summary>
codeunit 62211 "WINS Order Shipping"
{
    Access = Internal;

    var
        SyncOffErr: Label 'Synchronization with Winstore is switched off on the page Winstore Setup.', Comment = 'nl-NL="Synchronisatie met Winstore staat uit op de pagina Winstore-instellingen."';

    /// <summary>
    /// Posts a shipment of what is wanted of each line less what was shipped of it. Nothing is posted when nothing is left.
    /// </summary>
    /// <param name="Quantities">What is shipped of each line in all, as JSON: [{"sequence": 10000, "quantity": 2}]. Empty: all of every line.</param>
    procedure ShipUpTo(var SalesHeader: Record "Sales Header"; Quantities: Text)
    var
        Setup: Record "WINS Setup";
    begin
        if not Setup.IsSyncOn() then
            Error(SyncOffErr);
        // Who ships the same order at this moment ends first.
        SalesHeader.LockTable();
        SalesHeader.GetBySystemId(SalesHeader.SystemId);
        if not SetQuantities(SalesHeader, Quantities) then
            exit;
        SalesHeader.Ship := true;
        SalesHeader.Invoice := false;
        Codeunit.Run(Codeunit::"Sales-Post", SalesHeader);
    end;

    local procedure SetQuantities(SalesHeader: Record "Sales Header"; Quantities: Text) IsAnyLeft: Boolean
    var
        SalesLine: Record "Sales Line";
        Wanted: Dictionary of [Integer, Decimal];
    begin
        ReadQuantities(Quantities, Wanted);
        SalesLine.SetRange("Document Type", SalesHeader."Document Type");
        SalesLine.SetRange("Document No.", SalesHeader."No.");
        SalesLine.SetFilter(Type, '<>%1', SalesLine.Type::" ");
        if SalesLine.FindSet(true) then
            repeat
                SalesLine.Validate("Qty. to Ship", LeftToShip(SalesLine, Quantities = '', Wanted));
                SalesLine.Modify(true);
                IsAnyLeft := IsAnyLeft or (SalesLine."Qty. to Ship" <> 0);
            until SalesLine.Next() = 0;
    end;

    local procedure LeftToShip(SalesLine: Record "Sales Line"; ShipAll: Boolean; Wanted: Dictionary of [Integer, Decimal]): Decimal
    begin
        if ShipAll then
            exit(SalesLine."Outstanding Quantity");
        if not Wanted.ContainsKey(SalesLine."Line No.") then
            exit(0);
        if Wanted.Get(SalesLine."Line No.") <= SalesLine."Quantity Shipped" then
            exit(0);
        exit(Wanted.Get(SalesLine."Line No.") - SalesLine."Quantity Shipped");
    end;

    local procedure ReadQuantities(Quantities: Text; var Wanted: Dictionary of [Integer, Decimal])
    var
        Lines: JsonArray;
        Line: JsonToken;
        SequenceToken: JsonToken;
        QuantityToken: JsonToken;
    begin
        if Quantities = '' then
            exit;
        Lines.ReadFrom(Quantities);
        foreach Line in Lines do begin
            Line.AsObject().Get('sequence', SequenceToken);
            Line.AsObject().Get('quantity', QuantityToken);
            Wanted.Add(SequenceToken.AsValue().AsInteger(), QuantityToken.AsValue().AsDecimal());
        end;
    end;
}
