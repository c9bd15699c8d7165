/// <summary>
/// Keeps the link from an order request to the document that its document was posted to.
/// </summary>
codeunit 62202 "WINS Posted Link"
{
    Access = Internal;
    InherentEntitlements = X;
    InherentPermissions = X;

    [EventSubscriber(ObjectType::Codeunit, Codeunit::"Sales-Post", 'OnAfterPostSalesDoc', '', false, false)]
    local procedure OnAfterPostSalesDoc(var SalesHeader: Record "Sales Header"; SalesInvHdrNo: Code[20]; SalesCrMemoHdrNo: Code[20]; PreviewMode: Boolean)
    begin
        if PreviewMode then
            exit;
        if SalesInvHdrNo <> '' then
            Note(SalesHeader.SystemId, SalesInvHdrNo);
        if SalesCrMemoHdrNo <> '' then
            Note(SalesHeader.SystemId, SalesCrMemoHdrNo);
    end;

    // Whoever posts needs no permission set of this app.
    [InherentPermissions(PermissionObjectType::TableData, Database::"WINS Order Request", 'rm')]
    local procedure Note(DocumentId: Guid; PostedDocumentNo: Code[20])
    var
        OrderRequest: Record "WINS Order Request";
    begin
        OrderRequest.SetRange("Document Id", DocumentId);
        if not OrderRequest.FindFirst() then
            exit;
        OrderRequest."Posted Document No." := PostedDocumentNo;
        OrderRequest.Modify();
    end;
}
