; The installer of Snaplark for one person, without an administrator. `cargo xtask windows` passes:
;   VERSION, SOURCE (the folder that is installed), OUTPUT (the installer), FILES and REMOVED (lists that it
;   wrote of that folder), ICON, and SIZE_KB.
; Recordings, settings and links are in %APPDATA%\snaplark and in the person's videos. Nothing here touches them.

Unicode true
Target amd64-unicode
ManifestDPIAware true
ManifestSupportedOS all
RequestExecutionLevel user
SetCompressor /SOLID lzma

!include "MUI2.nsh"
!include "LogicLib.nsh"
!include "FileFunc.nsh"

!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Snaplark"
!define LINK "Software\Classes\snaplark"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
; WebView2's entry in the list of what updates itself, and where its own small installer is.
!define WEBVIEW "Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"
!define WEBVIEW_SETUP "https://go.microsoft.com/fwlink/p/?LinkId=2124703"

Name "Snaplark"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Programs\Snaplark"
InstallDirRegKey HKCU "${KEY}" "InstallLocation"
BrandingText "Snaplark ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Snaplark"
VIAddVersionKey "FileDescription" "Snaplark setup"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "The Snaplark authors"

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_FINISHPAGE_RUN "$INSTDIR\snaplark-desktop.exe"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "German"
!insertmacro MUI_LANGUAGE "Arabic"

LangString RUNS ${LANG_ENGLISH} "Snaplark is running. Quit it from its icon in the taskbar, then try again."
LangString RUNS ${LANG_GERMAN} "Snaplark läuft. Beenden Sie es über sein Symbol in der Taskleiste und versuchen Sie es erneut."
LangString RUNS ${LANG_ARABIC} "يعمل Snaplark الآن. أنهه من أيقونته في شريط المهام، ثم حاول مرة أخرى."
LangString NO_WEBVIEW ${LANG_ENGLISH} "Snaplark's windows need WebView2 from Microsoft, which is not on this computer. Download and install it now? Without it only the command line works."
LangString NO_WEBVIEW ${LANG_GERMAN} "Die Fenster von Snaplark benötigen WebView2 von Microsoft, das auf diesem Computer fehlt. Jetzt herunterladen und installieren? Ohne WebView2 funktioniert nur die Befehlszeile."
LangString NO_WEBVIEW ${LANG_ARABIC} "تحتاج نوافذ Snaplark إلى WebView2 من Microsoft، وهو غير موجود على هذا الكمبيوتر. هل تريد تنزيله وتثبيته الآن؟ بدونه يعمل سطر الأوامر فقط."
LangString WEBVIEW_FAILED ${LANG_ENGLISH} "WebView2 could not be downloaded. Snaplark is installed; its windows open once WebView2 is there. Connect to the internet and run this installer again."
LangString WEBVIEW_FAILED ${LANG_GERMAN} "WebView2 konnte nicht heruntergeladen werden. Snaplark ist installiert; seine Fenster öffnen sich, sobald WebView2 vorhanden ist. Stellen Sie eine Internetverbindung her und starten Sie diese Installation erneut."
LangString WEBVIEW_FAILED ${LANG_ARABIC} "تعذر تنزيل WebView2. تم تثبيت Snaplark، وستفتح نوافذه بمجرد توفر WebView2. اتصل بالإنترنت ثم شغّل برنامج التثبيت مرة أخرى."

; A program that runs can't be replaced. Nothing has been written before this is known.
!macro REFUSE_RUNNING PROGRAM
  ${If} ${FileExists} "$INSTDIR\${PROGRAM}"
    ClearErrors
    FileOpen $0 "$INSTDIR\${PROGRAM}" a
    ${If} ${Errors}
      MessageBox MB_OK|MB_ICONSTOP "$(RUNS)" /SD IDOK
      SetErrorLevel 2
      Quit
    ${EndIf}
    FileClose $0
  ${EndIf}
!macroend

Section "Snaplark"
  SetShellVarContext current
  !insertmacro REFUSE_RUNNING "snaplark-desktop.exe"
  !insertmacro REFUSE_RUNNING "snaplark.exe"
  !insertmacro REFUSE_RUNNING "snaplark-cloud.exe"
  !include "${FILES}"
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Snaplark.lnk" "$INSTDIR\snaplark-desktop.exe"
  WriteRegStr HKCU "${KEY}" "DisplayName" "Snaplark"
  WriteRegStr HKCU "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${KEY}" "DisplayIcon" "$INSTDIR\snaplark-desktop.exe"
  WriteRegStr HKCU "${KEY}" "Publisher" "The Snaplark authors"
  WriteRegStr HKCU "${KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${KEY}" "EstimatedSize" ${SIZE_KB}
  WriteRegDWORD HKCU "${KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${KEY}" "NoRepair" 1
  WriteRegStr HKCU "${LINK}" "" "URL:Snaplark"
  WriteRegStr HKCU "${LINK}" "URL Protocol" ""
  WriteRegStr HKCU "${LINK}\shell\open\command" "" '"$INSTDIR\snaplark-desktop.exe" "%1"'
  Call EnsureWebView
SectionEnd

Function EnsureWebView
  SetRegView 32
  ReadRegStr $0 HKLM "SOFTWARE\${WEBVIEW}" "pv"
  SetRegView 64
  ${If} $0 == ""
    ReadRegStr $0 HKCU "Software\${WEBVIEW}" "pv"
  ${EndIf}
  ${If} $0 != ""
  ${AndIf} $0 != "0.0.0.0"
    Return
  ${EndIf}
  ; Silently, nothing is downloaded that nobody agreed to.
  MessageBox MB_YESNO|MB_ICONQUESTION "$(NO_WEBVIEW)" /SD IDNO IDNO skip
  DetailPrint "WebView2"
  nsExec::ExecToLog `powershell -NoProfile -Command "$$ProgressPreference='SilentlyContinue'; Invoke-WebRequest -UseBasicParsing '${WEBVIEW_SETUP}' -OutFile '$PLUGINSDIR\webview2.exe'"`
  Pop $0
  ${If} $0 == 0
    ExecWait '"$PLUGINSDIR\webview2.exe" /silent /install' $0
  ${EndIf}
  ${If} $0 != 0
    MessageBox MB_OK|MB_ICONEXCLAMATION "$(WEBVIEW_FAILED)" /SD IDOK
  ${EndIf}
  skip:
FunctionEnd

Section "Uninstall"
  SetShellVarContext current
  !insertmacro REFUSE_RUNNING "snaplark-desktop.exe"
  !insertmacro REFUSE_RUNNING "snaplark.exe"
  !insertmacro REFUSE_RUNNING "snaplark-cloud.exe"
  !include "${REMOVED}"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Snaplark.lnk"
  DeleteRegKey HKCU "${KEY}"
  DeleteRegKey HKCU "${LINK}"
  ; What the setting "Start at login" wrote.
  DeleteRegValue HKCU "${RUN}" "Snaplark"
  DeleteRegValue HKCU "${RUN}" "snaplark-desktop"
SectionEnd
