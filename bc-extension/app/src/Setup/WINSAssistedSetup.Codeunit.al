/// <summary>
/// Puts the setup on the page Assisted Setup.
/// </summary>
codeunit 62205 "WINS Assisted Setup"
{
    Access = Internal;
    InherentEntitlements = X;
    InherentPermissions = X;

    var
        DescriptionTxt: Label 'Choose whether this company is kept in step with Winstore, and where people look what was skipped or failed.', Comment = 'nl-NL="Kies of dit bedrijf met Winstore wordt gesynchroniseerd, en waar mensen kunnen zien wat is overgeslagen of mislukt."';
        ShortTitleTxt: Label 'Connect to Winstore', MaxLength = 50, Comment = 'nl-NL="Verbinden met Winstore"';
        TitleTxt: Label 'Set up the connection to Winstore', Comment = 'nl-NL="De verbinding met Winstore instellen"';

    [EventSubscriber(ObjectType::Codeunit, Codeunit::"Guided Experience", 'OnRegisterAssistedSetup', '', false, false)]
    local procedure OnRegisterAssistedSetup()
    var
        GuidedExperience: Codeunit "Guided Experience";
    begin
        GuidedExperience.InsertAssistedSetup(
            TitleTxt, ShortTitleTxt, DescriptionTxt, 2, ObjectType::Page, Page::"WINS Setup",
            Enum::"Assisted Setup Group"::Connect, '', Enum::"Video Category"::Uncategorized, '');
    end;
}
