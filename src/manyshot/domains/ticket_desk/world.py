"""充电桩与车辆售后的模拟公司：故障知识库、师傅排班、工单、客户档案。

师傅的空档只有一份账：建单占用，取消放回，改约先占新的再放旧的。已完成和已取消的工单不能再改。
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from manyshot.world import Desk, Refused, read, write

TABLES = """
create table solutions (problem text primary key, steps text not null);
create table technicians (name text primary key, area text not null);
create table days_off (technician text not null, date text not null);
create table customers (
    phone text primary key, userName text not null, isVIP integer not null, car text not null, charger text not null,
    warranty text not null
);
create table tickets (
    ticketId text primary key, userName text not null, problem text not null, address text not null,
    serveTime text not null, phone text, isVIP integer not null default 0, quantity integer not null default 1,
    status text not null, technician text, reason text, score real, comment text
);
"""

OPEN, DONE, CANCELLED = ("待派单", "已派单", "处理中"), "已完成", "已取消"
#: 师傅每天能上门的钟点；周日只上半天。
HOURS = {"morning": ("09:00", "10:30"), "afternoon": ("14:00", "16:00"), "evening": ("18:30",)}
DAYS_AHEAD = 30

SOLUTIONS = {
    "充电桩跳闸": "关闭充电桩，等待三分钟后合上空气开关，再重新插枪",
    "充电桩不通电": "检查配电箱里的空气开关是否合上，合上后等指示灯变绿",
    "充电枪无法拔出": "先解锁车门，再按住枪头按钮三秒后向外拔",
    "充电枪锁止后打不开": "用车钥匙解锁两次，再按住枪头按钮三秒",
    "充电桩屏幕不亮": "断电一分钟后重新上电，看屏幕能否恢复",
    "充电桩充电中途断开": "把枪头插到底，听到咔嗒声后再刷卡启动",
    "充电过程中断电": "在手机应用里查看余额和预约时间，再重新启动充电",
    "充电桩离线": "重启家里的路由器，再长按充电桩复位键五秒",
    "充电桩显示离线": "重启家里的路由器，再长按充电桩复位键五秒",
    "手机应用连接不上充电桩": "打开蓝牙和定位权限，删除设备后重新添加",
    "扫码后无法启动充电": "退出应用后重新登录，再扫桩身上的二维码",
    "充电速度变慢": "在应用里查看是否开了限流，高温时速度变慢属于正常",
    "插枪后不开始充电": "检查是否设了预约充电，取消预约后重新插枪",
    "指示灯不亮": "检查电表箱里的开关是否合上，再重新上电",
    "急停按钮失灵": "顺时针旋转急停按钮，弹起后再试",
    "中控屏死机": "同时按住方向盘上两个滚轮十秒，等屏幕重启",
    "车机系统卡顿": "在设置里清理缓存，再重启车机",
    "倒车影像黑屏": "把摄像头擦干净，再重启车机",
    "车窗无法升降": "在车窗开关上长按上升键五秒，重新学习",
    "车辆无法上电": "把钥匙贴近杯架感应区，踩住刹车再启动",
}
#: 这些问题没有自己能处理的办法，只能上门。
ON_SITE = ("充电桩有焦糊味", "充电桩外壳发烫", "充电枪接触不良", "充电桩报漏电故障", "空气开关合不上", "刹车异响")
TECHNICIANS = (("孙建国", "朝阳区"), ("何志强", "海淀区"), ("马晓东", "丰台区"))
NAMES = ("王磊", "李娜", "周海涛", "陈静", "黄志远", "许文博", "蒋丽华", "邓杰")
STREETS = (
    "北京市朝阳区望京西路50号2号楼1203",
    "北京市海淀区清河中街68号5单元401",
    "北京市丰台区方庄南路9号院6号楼802",
    "北京市通州区新华大街12号地下车库B2",
)
CARS, CHARGERS = ("星途E6", "岚海L9", "远程R3"), ("家充7kW", "家充11kW", "快充20kW")


def fill(desk: Desk) -> None:
    """一家刚开门营业的公司：每种状态的工单各有几张，三位师傅，八位客户。"""
    chance, today = desk.random, desk.today
    desk.insert("solutions", *({"problem": problem, "steps": steps} for problem, steps in SOLUTIONS.items()))
    desk.insert("technicians", *({"name": name, "area": area} for name, area in TECHNICIANS))
    customers = [
        {
            "phone": f"13{chance.randrange(10**9):09}",
            "userName": name,
            "isVIP": n % 3 == 0,
            "car": chance.choice(CARS),
            "charger": chance.choice(CHARGERS),
            "warranty": f"{today + timedelta(days=chance.randrange(-200, 700)):%Y-%m-%d}",
        }
        for n, name in enumerate(chance.sample(NAMES, len(NAMES)))
    ]
    desk.insert("customers", *customers)
    full = chance.sample(range(1, 15), 3)  # 有三天，所有师傅都休息
    desk.insert(
        "days_off",
        *({"technician": t, "date": f"{today + timedelta(days=n):%Y-%m-%d}"} for n in full for t, _ in TECHNICIANS),
    )
    problems = [*SOLUTIONS, *ON_SITE]
    for n, status in enumerate((*OPEN, DONE, CANCELLED) * 2):
        day = today + timedelta(days=-1 - n if status == DONE else 1 + n)
        made, who = today - timedelta(days=2 + n), customers[n % len(customers)]
        technician, _ = TECHNICIANS[n % len(TECHNICIANS)]
        desk.insert(
            "tickets",
            {
                "ticketId": f"CHB{made:%Y%m%d}{n + 1:03}",
                "userName": who["userName"],
                "phone": who["phone"],
                "isVIP": who["isVIP"],
                "problem": chance.choice(problems),
                "address": chance.choice(STREETS),
                "serveTime": f"{day:%Y-%m-%d} {chance.choice(HOURS['morning'])}",
                "status": status,
                "technician": None if status in (OPEN[0], CANCELLED) else technician,
            },
        )


@read
def SearchSolution(desk: Desk, problem: str, limit: int = 3) -> dict[str, Any]:
    """办法按相同的字对排序；一个字对也没有的不算。"""
    wanted = _pairs(problem)
    scored = [(len(wanted & _pairs(row["problem"])), row) for row in desk.rows("select * from solutions")]
    best = sorted((s for s in scored if s[0] * 2 > len(wanted)), key=lambda s: (-s[0], s[1]["problem"]))
    return {"solutions": list(dict.fromkeys(row["steps"] for _, row in best))[:limit]}


@read
def QueryTechnicianSlots(desk: Desk, date: str, area: str | None = None, period: str | None = None) -> dict[str, Any]:
    day = _day(desk, date, "date")
    hours = [hour for part, found in HOURS.items() if period in (None, part) for hour in found]
    free = [f"{date} {hour}" for hour in hours if _free(desk, day, hour, area)]
    return {"date": date, "slots": free}


@write
def TicketCreate(
    desk: Desk,
    userName: str,
    problem: str,
    address: str,
    serveTime: str,
    phone: str | None = None,
    isVIP: bool = False,
    quantity: int = 1,
) -> dict[str, Any]:
    technician = _technician(desk, serveTime, "serveTime")
    day = f"CHB{desk.today:%Y%m%d}"
    last = desk.row("select max(ticketId) as last from tickets where ticketId like ?", f"{day}%") or {}
    ticket = {
        "ticketId": f"{day}{int((last['last'] or day + '000')[len(day) :]) + 1:03}",
        "userName": userName,
        "problem": problem,
        "address": address,
        "serveTime": serveTime,
        "phone": phone,
        "isVIP": isVIP,
        "quantity": quantity,
        "status": OPEN[1],
        "technician": technician,
    }
    desk.insert("tickets", ticket)
    return {key: ticket[key] for key in ("ticketId", "status", "serveTime", "technician")}


@read
def TicketQuery(desk: Desk, ticketId: str) -> dict[str, Any]:
    ticket = _ticket(desk, ticketId)
    shown = ("ticketId", "status", "userName", "problem", "address", "serveTime", "technician")
    return {key: ticket[key] for key in shown}


@write
def TicketCancel(desk: Desk, ticketId: str, reason: str | None = None) -> dict[str, Any]:
    _open_ticket(desk, ticketId)
    desk.run("update tickets set status = ?, reason = ? where ticketId = ?", CANCELLED, reason, ticketId)
    return {"ticketId": ticketId, "status": CANCELLED}


@write
def TicketReschedule(desk: Desk, ticketId: str, newTime: str) -> dict[str, Any]:
    _open_ticket(desk, ticketId)
    technician = _technician(desk, newTime, "newTime")
    desk.run(
        "update tickets set serveTime = ?, technician = ?, status = ? where ticketId = ?",
        newTime, technician, OPEN[1], ticketId,
    )  # fmt: skip
    return {"ticketId": ticketId, "serveTime": newTime, "technician": technician}


@read
def QueryCustomer(desk: Desk, phone: str) -> dict[str, Any]:
    found = desk.row("select * from customers where phone = ?", phone)
    if found is None:
        raise Refused(404, "没有这位客户", "phone")
    return {**found, "isVIP": bool(found["isVIP"])}


@write
def TicketRate(desk: Desk, ticketId: str, score: float, comment: str | None = None) -> dict[str, Any]:
    ticket = _ticket(desk, ticketId)
    if ticket["status"] != DONE:
        raise Refused(409, f"工单{ticket['status']}，完成后才能评价", "ticketId")
    if ticket["score"] is not None:
        raise Refused(409, "已经评价过了", "ticketId")
    desk.run("update tickets set score = ?, comment = ? where ticketId = ?", score, comment, ticketId)
    return {"ticketId": ticketId, "score": score}


def _pairs(text: str) -> set[str]:
    return {text[n : n + 2] for n in range(len(text) - 1)}


def _day(desk: Desk, text: str, field: str) -> datetime:
    """日期要存在，不早于今天，不晚于三十天后。"""
    try:
        day = datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise Refused(422, f"没有 {text} 这一天", field) from None
    ahead = (day.date() - desk.today.date()).days
    if ahead < 0:
        raise Refused(422, f"{text} 已经过去", field)
    if ahead > DAYS_AHEAD:
        raise Refused(422, f"只能约 {DAYS_AHEAD} 天以内", field)
    return day


def _free(desk: Desk, day: datetime, hour: str, area: str | None = None) -> list[str]:
    """这个钟点还空着的师傅，按姓名排。"""
    if day.weekday() == 6 and hour >= "12:00":
        return []
    off = {row["technician"] for row in desk.rows("select technician from days_off where date = ?", f"{day:%Y-%m-%d}")}
    busy = desk.rows(
        "select technician from tickets where serveTime = ? and status != ?", f"{day:%Y-%m-%d} {hour}", CANCELLED
    )
    taken = off | {row["technician"] for row in busy}
    return [
        row["name"]
        for row in desk.rows("select * from technicians order by name")
        if row["name"] not in taken and area in (None, row["area"])
    ]


def _technician(desk: Desk, time: str, field: str) -> str:
    day, hour = _day(desk, time[:10], field), time[11:]
    if hour not in {hour for found in HOURS.values() for hour in found}:
        raise Refused(422, f"师傅没有 {hour} 这一班", field)
    free = _free(desk, day, hour)
    if not free:
        raise Refused(409, f"{time} 已经约满", field)
    return free[0]


def _ticket(desk: Desk, ticketId: str) -> dict[str, Any]:
    found = desk.row("select * from tickets where ticketId = ?", ticketId)
    if found is None:
        raise Refused(404, "没有这张工单", "ticketId")
    return found


def _open_ticket(desk: Desk, ticketId: str) -> dict[str, Any]:
    ticket = _ticket(desk, ticketId)
    if ticket["status"] not in OPEN:
        raise Refused(409, f"工单{ticket['status']}，不能再改", "ticketId")
    return ticket
