"""How the API of an app answers: as API v2.0 does, with the app's entity sets, permissions and actions."""

from dataclasses import replace

from ..api import COMPANY_PATH, Api
from ..data.company import Company
from ..data.refusal import Refused, bad_request, no_route
from ..data.schema import EntitySet, Schema
from ..data.values import as_object, field_value
from ..odata.call import Call, Reply
from ..odata.paths import Place
from ..odata.query import Options
from .host import Extensions

RIGHTS = {"GET": "read", "POST": "insert", "PATCH": "modify", "DELETE": "delete"}
OF_EVERY_API = ("", "$metadata", "entityDefinitions", "companies", "subscriptions")


class ExtensionApi(Api):
    """The API at one address. `sets` are its entity sets, by their stored names."""

    def __init__(self, extensions: Extensions, company: Company, most_per_page: int, sets: Schema) -> None:
        super().__init__(company, most_per_page, sets)
        self.extensions = extensions

    @property
    def described_sets(self) -> Schema:
        """The app's own entity sets and the companies."""
        return {name: entity for name, entity in self.visible_sets.items() if name != "subscriptions"}

    def _answer(self, call: Call) -> Reply:
        path = call.path.strip("/")
        below = path.partition("/")[2] if path.startswith(COMPANY_PATH) else path
        first = below.split("/")[0].split("(")[0]
        if first not in (*OF_EVERY_API, *self.named):  # reported for custom APIs: microsoft/AL issues 7889 and 8283
            raise no_route(f"{call.base}/{call.raw_path}")
        return super()._answer(call)

    def _at(self, place: Place, call: Call) -> Reply:
        right = "execute" if place.kind == "action" else RIGHTS.get(call.method, "read")
        verbs = {"insert": place.entity.insert, "modify": place.entity.modify, "delete": place.entity.delete}
        if verbs.get(right, True):
            self.extensions.check_right(place.entity, right)
        if right == "insert" and place.entity.subpages:
            body = as_object(call.json())
            for name in place.entity.subpages:
                if body.get(name):
                    target = place.entity.navigation[name].target
                    self.extensions.check_right(self.company.entity(target), "insert")
        if call.method == "GET" and "$skiptoken" not in call.query:
            self.extensions.compute(self.company, place.entity)
        return super()._at(place, call)

    def _collection(self, place: Place, call: Call) -> Reply:
        """As in API v2.0; a POST that repeats a record gets that record."""
        if call.method != "POST":
            return super()._collection(place, call)
        with self.company.transaction():
            known = self.extensions.repeated(place.entity, as_object(call.json()) | place.parent)
            if known is None:
                return super()._collection(place, call)
        return self._shown(201, place.entity, known, self._options(call, place.entity), call)

    def _options(self, call: Call, entity: EntitySet) -> Options:
        options = super()._options(call, entity)
        self._check_expanded(self.visible_sets[entity.name], options)
        return options

    def _check_expanded(self, entity: EntitySet, options: Options) -> None:
        for name, inner in options.expand.items():
            target = self.visible_sets[entity.navigation[name].target]
            self.extensions.check_right(target, "read")
            self._check_expanded(target, inner)

    def _run(self, place: Place, call: Call) -> None:
        known = place.entity.parameters.get(place.action, {})
        sent = as_object(call.json()) if call.content else {}
        if missing := [name for name in known if name not in sent]:  # the words are assumed
            message = f"The parameter '{missing[0]}' must be provided."
            raise Refused(400, "BadRequest_RequiredParamNotProvided", message)
        if unknown := [name for name in sent if name not in known]:
            raise bad_request(f"The parameter '{unknown[0]}' is not valid for the action '{place.action}'.")
        action = replace(place.entity, entity_name=place.action, fields=dict(known))
        arguments = {name: field_value(action, name, value) for name, value in sent.items()}
        self.extensions.run(place.entity, place.action, place.record, arguments)
