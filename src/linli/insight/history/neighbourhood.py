"""Names, numbers and places for what history knows only by number. All of it is invented and says so.

Phone numbers are +1 555 0NN NNNN: no exchange of the North American plan begins with 0, so nobody has one.
"""

from __future__ import annotations

from linli.people.groups import NewCommunity
from linli.people.members import Newcomer

OTHERS = "others"
OPERATOR_PHONE = "+15550900001"

_WOODS = [("枫林", "Maple"), ("松溪", "Pine Creek"), ("湖畔", "Lakeside"), ("橡树", "Oak"), ("白桦", "Birch"), ("樱园", "Cherry"),
          ("河湾", "River Bend"), ("山麓", "Hillside")]  # fmt: skip
_KINDS = [("花园", "Gardens"), ("家园", "Homes"), ("新村", "Village"), ("里", "Lane"), ("苑", "Court"), ("小区", "Park"),
          ("坊", "Yard"), ("公馆", "House")]  # fmt: skip
_PICKUPS = [("东门驿站", "East Gate station"), ("南门驿站", "South Gate station"), ("西门便利店", "West Gate store"),
            ("北门驿站", "North Gate station"), ("中心广场", "Central square"), ("物业前台", "Front desk")]  # fmt: skip
_SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡"
_GIVEN = ["晓梅", "建华", "丽娟", "志强", "秀兰", "海燕", "文静", "春霞", "玉珍", "国平", "雪莲", "永红", "佳怡", "明芳", "慧敏", "桂英"]
_CENTRE = (39.10, -84.51)


def community(store_id: int, rank: int) -> NewCommunity:
    """The community of a store. `rank` 0 is the store that is home to most households."""
    wood, kind = _WOODS[rank % 8], _KINDS[(rank // 8) % 8]
    again = f" {rank // 64 + 1}" if rank >= 64 else ""
    pickup = _PICKUPS[rank % len(_PICKUPS)]
    return NewCommunity(
        code=f"store-{store_id}",
        name_zh=f"{wood[0]}{kind[0]}{again}",
        name_en=f"{wood[1]} {kind[1]}{again}",
        pickup_zh=pickup[0],
        pickup_en=pickup[1],
        external_id=str(store_id),
        # A spiral: near neighbours in rank are near each other, nobody is on top of anybody.
        lat=round(_CENTRE[0] + 0.012 * (rank**0.5) * _sign(rank), 5),
        lng=round(_CENTRE[1] + 0.016 * (rank**0.5) * _sign(rank // 2), 5),
        invented=True,
    )


def others() -> NewCommunity:
    """The community of everybody whose store is home to few."""
    return NewCommunity(OTHERS, "四邻", "All Around", "城中自提点", "City pickup point", external_id="others", invented=True)


def _sign(n: int) -> int:
    return 1 if n % 2 else -1


def leader(rank: int) -> tuple[str, str, str]:
    """(phone, display name, surname) of a community's leader."""
    surname = _SURNAMES[(rank * 7 + 8) % len(_SURNAMES)]
    return f"+15550800{rank:03d}", f"{surname}{_GIVEN[rank % len(_GIVEN)]}", surname


def member_phone(household_id: int) -> str:
    """The invented phone number of a household (ids below 100,000)."""
    return f"+1555000{household_id:04d}" if household_id < 10_000 else f"+155500{household_id:05d}"


def newcomer(household_id: int, *, community_id: int, joined_at: object) -> Newcomer:
    """A household as a member. Consents are invented: 1 in 13 wants no messages, 1 in 29 no profiling, 1 in 3 stays unnamed."""
    consents = (("messages", 13), ("profiling", 29), ("neighbours", 3))
    return Newcomer(
        community_id=community_id,
        phone=member_phone(household_id),
        display_name=f"会员 {household_id}",
        surname=_SURNAMES[household_id * 17 % len(_SURNAMES)],
        building=f"{household_id % 18 + 1} 栋",
        external_id=str(household_id),
        joined_at=joined_at,  # type: ignore[arg-type]
        consents=tuple(scope for scope, one_in in consents if household_id % one_in),
    )
