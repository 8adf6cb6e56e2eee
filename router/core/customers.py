"""Who is the customer? Reference data by id and by address."""

from channels.request import CustomerRequest
from router.core.entities.customer import Known
from router.core.events import CustomerChanged
from router.core.state import Journal, Table
from rules.addresses import written_address
from rules.model import Customer, Rulebook


class Customers:
    """The customers of the topic, and after them those that the rulebook names."""

    def __init__(self, journal: Journal) -> None:
        self.table = Table("customer", Known, journal)
        self.table.watch(self._changed)
        self._by_address: dict[tuple[str, str], tuple[str, ...]] = {}
        self._in_rulebook: dict[str, Known] = {}
        self._rulebook_addresses: dict[tuple[str, str], str] = {}

    def enforce(self, rulebook: Rulebook | None) -> None:
        """Take the customers of the rulebook in force."""
        named = rulebook.customers if rulebook else {}
        self._in_rulebook = {key: _known(key, customer) for key, customer in named.items()}
        self._rulebook_addresses = {
            place: key for key, one in self._in_rulebook.items() for place in _places(one)
        }

    def identify(self, request: CustomerRequest) -> Known | None:
        """The customer whom the request names, or whose address it comes from."""
        named = request.sender.customer
        if named is not None:
            return self.table.get(named) or self._in_rulebook.get(named)
        place = request.channel, request.sender.address
        claimed = self._by_address.get(place)
        key = claimed[0] if claimed else self._rulebook_addresses.get(place)
        return None if key is None else self.table.get(key) or self._in_rulebook.get(key)

    def change(self, event: CustomerChanged) -> None:
        """Store what the topic says of a customer."""
        if event.deleted:
            self.table.delete(event.id)
            return
        self.table.put(
            event.id,
            Known(
                id=event.id,
                name=event.name,
                tier=event.tier,
                language=event.language,
                addresses=event.addresses,
                attributes=event.attributes,
                account_agent=event.account_agent,
            ),
        )

    def _changed(self, key: str, old: Known | None, new: Known | None) -> None:
        """Keep the index a function of the table: several may claim an address for a while."""
        for place in _places(old):
            owners = tuple(owner for owner in self._by_address.pop(place) if owner != key)
            if owners:
                self._by_address[place] = owners
        for place in _places(new):
            self._by_address[place] = tuple(sorted({*self._by_address.get(place, ()), key}))


def _places(customer: Known | None) -> set[tuple[str, str]]:
    found = customer.addresses if customer is not None else {}
    return {(channel, address) for channel, addresses in found.items() for address in addresses}


def _known(key: str, customer: Customer) -> Known:
    return Known(
        id=key,
        name=customer.name,
        tier=customer.tier,
        language=customer.language,
        addresses={
            str(channel): tuple(map(written_address, found))
            for channel, found in customer.addresses.items()
        },
        attributes=customer.attributes,
        account_agent=customer.account_agent,
    )
