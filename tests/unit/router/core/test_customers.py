"""Who is the customer: reference data by name and by address, whatever becomes of it."""

from channels.defaults import fill
from router.core.customers import Customers
from router.core.entities.customer import Known
from router.core.events import CustomerChanged
from router.core.state import Journal
from tests.unit.router.core.story import START, Story

VIP = "tiers: {vip: {priority: 3}, standard: {}}"


def who(customers: Customers, address: str, customer: str | None = None) -> str | None:
    """The id of the customer who writes from `address`, perhaps by name."""
    sender = {"address": address, "customer": customer}
    found = customers.identify(fill({"channel": "sms", "sender": sender}, at=START))
    return None if found is None else found.id


def has(key: str, *addresses: str) -> CustomerChanged:
    """The customer has these telephone numbers."""
    return CustomerChanged(id=key, addresses={"sms": addresses})


async def test_a_customer_is_known_by_their_address() -> None:
    """The tier of the reference data decides; the ticket names the customer."""
    story = await Story.begin(VIP)
    await story.customer(id="c1", tier="vip", language="zh", addresses={"sms": ("+8610",)})
    await story.request("x1", language=None, text="")
    opened = story.one("ticket.opened", "x1").data
    assert (opened["customer"], opened["tier"], opened["priority"]) == ("c1", "vip", 3)
    assert story.ticket("x1").language == "zh"


async def test_a_customer_whom_the_request_names_need_not_write_from_a_known_address() -> None:
    """A connector has identified them."""
    story = await Story.begin(VIP)
    await story.customer(id="c1", tier="vip")
    await story.request("x1", sender={"address": "+8699", "customer": "c1"})
    assert story.one("ticket.opened", "x1").data["customer"] == "c1"


async def test_a_deleted_customer_is_a_stranger() -> None:
    """Neither the address nor the name leads to anybody."""
    story = await Story.begin(VIP)
    await story.customer(id="c1", tier="vip", addresses={"sms": ("+8610",)})
    await story.customer(id="c1", deleted=True)
    await story.request("x1")
    opened = story.one("ticket.opened", "x1").data
    assert (opened["customer"], opened["tier"]) == (None, "standard")


async def test_the_rulebooks_customers_are_known_and_the_topic_knows_better() -> None:
    """One who is in both is as the topic says; one who is only in the rulebook is as it says."""
    story = await Story.begin(
        VIP
        + """
customers:
  c1: {tier: vip, addresses: {sms: ["+8610"]}}
  c2: {tier: vip, addresses: {sms: ["+8611"]}}
"""
    )
    await story.customer(id="c1", tier="standard")
    await story.request("x1")
    await story.request("x2", sender="+8611")
    await story.request("x3", sender={"address": "+8699", "customer": "c2"})
    tiers = [story.one("ticket.opened", one).data["tier"] for one in ("x1", "x2", "x3")]
    assert tiers == ["standard", "vip", "vip"]


async def test_a_connectors_tier_counts_where_reference_data_says_nothing() -> None:
    """But not one that the rulebook does not know."""
    story = await Story.begin(VIP)
    await story.request("x1", attributes={"tier": "vip"})
    await story.request("x2", sender="+8611", attributes={"tier": "emperor"})
    assert story.one("ticket.opened", "x1").data["tier"] == "vip"
    assert story.one("ticket.opened", "x2").data["tier"] == "standard"


def test_an_address_that_changes_hands_belongs_to_who_has_it_now() -> None:
    """It was given to the second before the first gave it up: it is the second's."""
    customers = Customers(Journal())
    customers.change(has("c1", "+1"))
    customers.change(has("c2", "+1", "+2"))
    customers.change(has("c1"))
    assert (who(customers, "+1"), who(customers, "+2")) == ("c2", "c2")
    customers.change(has("c2", "+2"))
    assert who(customers, "+1") is None


def test_of_two_who_claim_an_address_the_same_is_meant_after_a_restore() -> None:
    """The index follows from the table alone, in whatever order it was filled."""
    found = set()
    for order in (("c1", "c2"), ("c2", "c1")):
        customers = Customers(Journal())
        for key in order:
            customers.change(has(key, "+1"))
        found.add(who(customers, "+1"))
    assert len(found) == 1


def test_undoing_a_change_gives_the_address_back() -> None:
    """A step that raised leaves no trace."""
    journal = Journal()
    customers = Customers(journal)
    customers.change(has("c1", "+1"))
    journal.committed()
    customers.change(has("c2", "+1"))
    customers.change(CustomerChanged(id="c1", deleted=True))
    journal.rollback()
    assert customers.table.rows == {"c1": Known(id="c1", addresses={"sms": ("+1",)})}
    assert who(customers, "+1") == "c1"


def test_without_a_rulebook_only_the_topics_customers_are_known() -> None:
    """As between a restore and the first rulebook."""
    customers = Customers(Journal())
    customers.enforce(None)
    assert who(customers, "+1", "c1") is None
