"""What the pages say, in the two languages. One rule: both tables have the same keys, and no message repeats what was
typed."""

from __future__ import annotations

from manyshot.types import Language

EN = {
    "lang": "en",
    "other": "中文",
    "login_title": "Staff log in",
    "name": "Name",
    "password": "Password",
    "log_in": "Log in",
    "wrong": "Name or password is not right.",
    "blocked": "Too many failed tries. Wait {seconds} seconds, then try again.",
    "stale": "This page was open for too long, or in another window. Try again.",
    "busy": "The database of logins does not answer. Try again in a moment.",
    "logged_in": "Logged in as {name}",
    "role": "Role: {role}",
    "viewer": "viewer",
    "agent": "agent",
    "supervisor": "supervisor",
    "go_on": "Go on",
    "log_out": "Log out",
    "enter_title": "Sign in",
    "enter_about": "You usually come here from your customer account, which signs you in. For a trial, paste a token.",
    "token": "Token",
    "enter": "Sign in",
    "not_valid": "This token is not valid, or not any more. Sign in again from your customer account.",
}
ZH = {
    "lang": "zh-CN",
    "other": "English",
    "login_title": "员工登录",
    "name": "用户名",
    "password": "密码",
    "log_in": "登录",
    "wrong": "用户名或密码不对。",
    "blocked": "失败次数太多，请等 {seconds} 秒再试。",
    "stale": "页面打开太久，或在别的窗口里登录过，请再试一次。",
    "busy": "登录数据库没有回应，请稍后再试。",
    "logged_in": "已登录：{name}",
    "role": "角色：{role}",
    "viewer": "查看",
    "agent": "客服",
    "supervisor": "主管",
    "go_on": "继续",
    "log_out": "退出",
    "enter_title": "客户登录",
    "enter_about": "一般从您的客户账户进入，自动登录。试用时可以在这里粘贴令牌。",
    "token": "令牌",
    "enter": "登录",
    "not_valid": "令牌无效或已过期，请从客户账户重新进入。",
}


def words(language: Language) -> dict[str, str]:
    return ZH if language == "zh" else EN
