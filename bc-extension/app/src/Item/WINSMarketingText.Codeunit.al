/// <summary>
/// Lets the marketing text of an item follow its long description, where the setup says so.
/// </summary>
codeunit 62210 "WINS Marketing Text"
{
    Access = Internal;

    /// <summary>
    /// Writes the long description as the marketing text.
    /// </summary>
    procedure Follow(Item: Record Item; LongDescription: Text)
    var
        EntityText: Record "Entity Text";
        Setup: Record "WINS Setup";
        EntityTextMgt: Codeunit "Entity Text";
    begin
        if not Setup.Get() then
            exit;
        if not Setup."Use Marketing Text" then
            exit;
        if not EntityText.Get(CompanyName(), Database::Item, Item.SystemId, Enum::"Entity Text Scenario"::"Marketing Text") then begin
            EntityText.Company := CopyStr(CompanyName(), 1, MaxStrLen(EntityText.Company));
            EntityText."Source Table Id" := Database::Item;
            EntityText."Source System Id" := Item.SystemId;
            EntityText.Scenario := Enum::"Entity Text Scenario"::"Marketing Text";
            EntityText.Insert();
        end;
        EntityTextMgt.UpdateText(EntityText, LongDescription);
        EntityText.Modify();
    end;
}
