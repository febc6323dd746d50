"""What `pairing-server check` says of native apps."""

from pairing_server.settings import PREFIX, Settings


def examine_apps(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    """Add what keeps an app from its links and its keys, and which apps are named."""
    package, hashes = settings.android_package, settings.android_apk_key_hashes
    if package and not hashes:
        mistakes.append(
            f"{PREFIX}ANDROID_APK_KEY_HASHES: name the app's signing certificate too, or nothing "
            "tells phones that the app is yours."
        )
    if hashes and not package:
        mistakes.append(
            f"{PREFIX}ANDROID_PACKAGE: name the app that is signed so, or Android lets it neither "
            "claim links of this server nor make keys for it."
        )
    named = [name for name in (package if hashes else None, *settings.ios_app_ids) if name]
    if named:
        remarks.append(f"Apps that claim links of this server: {', '.join(named)}.")
    if named and (not settings.is_https or settings.host != settings.rp_id):
        remarks.append("Phones look for what names them at https on port 443 only.")
