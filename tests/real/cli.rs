//! The agents that are tried, and how each is told of a model on loopback: as a user would, in files and environment.
use crate::model::server::{Api, ModelServer};
use crate::world::World;
use std::fs;
use std::path::{Path, PathBuf};

/// The key that they send: long enough that nobody masks single letters for it.
const KEY: &str = "sk-scripted-0000";

/// The words that the model refuses a key with.
pub const REFUSED: &str = "no such key: 4711";

const AT_ITS_END: &str = "it tells its session at its end";

/// A real agent.
pub struct Cli {
    /// The name of its profile.
    pub name: &'static str,
    /// The package that it comes in.
    pub package: &'static str,
    /// Its program.
    pub program: &'static str,
    /// How it calls the model; none where that is for its own configuration to say.
    pub model: Option<&'static str>,
    /// What it says of a key that is refused with the words "no such key: 4711", and the class that follows from it.
    pub refused: (&'static str, &'static str),
    /// Cases that it cannot be tried with, and why.
    pub without: &'static [(&'static str, &'static str)],
    /// Over which API it talks to the model.
    pub api: Api,
    tell: fn(&mut World, &str),
}

/// All of them.
pub const ALL: &[Cli] = &[
    Cli {
        name: "pi",
        package: "@earendil-works/pi-coding-agent",
        program: "pi",
        model: Some("scripted/scripted"),
        refused: (REFUSED, "limit"),
        without: &[],
        api: Api::Chat,
        tell: pi,
    },
    Cli {
        name: "codex",
        package: "@openai/codex",
        program: "codex",
        model: Some("scripted"),
        refused: (REFUSED, "limit"),
        without: &[],
        api: Api::Responses,
        tell: codex,
    },
    Cli {
        name: "opencode",
        package: "opencode-ai",
        program: "opencode",
        model: Some("scripted/scripted"),
        refused: (REFUSED, "limit"),
        without: &[],
        api: Api::Chat,
        tell: opencode,
    },
    Cli {
        name: "claude",
        package: "@anthropic-ai/claude-code",
        program: "claude",
        model: Some("claude-sonnet-4-5"),
        refused: (REFUSED, "limit"),
        without: &[],
        api: Api::Messages,
        tell: claude,
    },
    Cli {
        name: "opencode-acp",
        package: "opencode-ai",
        program: "opencode",
        model: None,
        refused: (REFUSED, "crash"),
        without: &[("figures", "it tells the tokens of its last answer only"), ("cut", "it does not say so")],
        api: Api::Chat,
        tell: opencode,
    },
    Cli {
        name: "claude-acp",
        package: "@agentclientprotocol/claude-agent-acp",
        program: "claude-agent-acp",
        model: None,
        refused: ("Authentication required", "limit"),
        without: &[],
        api: Api::Messages,
        tell: claude,
    },
    Cli {
        name: "qwen",
        package: "@qwen-code/qwen-code",
        program: "qwen",
        model: Some("scripted"),
        refused: (REFUSED, "limit"),
        without: &[("429", "it tries again for ever, longer each time")],
        api: Api::Chat,
        tell: qwen,
    },
    Cli {
        name: "kimi",
        package: "@moonshot-ai/kimi-code",
        program: "kimi",
        model: None,
        refused: (REFUSED, "limit"),
        without: &[("figures", "it tells no tokens"), ("resume", AT_ITS_END), ("cut", "it does not say so")],
        api: Api::Chat,
        tell: kimi,
    },
    Cli {
        name: "copilot",
        package: "@github/copilot",
        program: "copilot",
        model: Some("scripted"),
        refused: ("Authentication failed", "limit"),
        without: &[("figures", "it tells no tokens"), ("resume", AT_ITS_END), ("cut", "it does not say so")],
        api: Api::Chat,
        tell: copilot,
    },
];

/// Where `.ci/run` installs them.
pub fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/agents")
}

/// The folder of a package there, which is named as the package is, its scope left out.
fn folder(package: &str) -> PathBuf {
    installed().join(package.rsplit('/').next().unwrap_or(package)).join("node_modules")
}

/// The folder of programs of a package.
fn programs(package: &str) -> PathBuf {
    folder(package).join(".bin")
}

impl Cli {
    /// Its version, if it is installed.
    pub fn version(&self) -> Option<String> {
        if !programs(self.package).join(self.program).exists() {
            return None;
        }
        let about = folder(self.package).join(self.package).join("package.json");
        let about = fs::read_to_string(about).ok()?;
        let about: serde_json::Value = serde_json::from_str(&about).ok()?;
        about["version"].as_str().map(ToOwned::to_owned)
    }
}

/// Puts agents on the `PATH` of a world, and tells them of the model.
pub fn bring(agents: &[&Cli], world: &mut World, server: &ModelServer) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ours = std::iter::once("node").chain(agents.iter().map(|cli| cli.package)).map(programs);
    let path = std::env::join_paths(ours.chain(std::env::split_paths(&path))).unwrap();
    world.env("PATH", path.to_str().unwrap());
    for cli in agents {
        (cli.tell)(world, &server.url());
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn pi(world: &mut World, url: &str) {
    let models = serde_json::json!({ "providers": { "scripted": {
        "baseUrl": format!("{url}/v1"), "api": "openai-completions", "apiKey": KEY,
        "models": [{
            "id": "scripted", "name": "scripted", "reasoning": false, "input": ["text"],
            "contextWindow": 200_000, "maxTokens": 8192,
            "cost": { "input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75 },
        }],
    } } });
    write(&world.top().join("home/.pi/agent/models.json"), &models.to_string());
    world.env("PI_OFFLINE", "1").env("PI_TELEMETRY", "0");
}

fn codex(world: &mut World, url: &str) {
    let config = format!(
        "model = \"scripted\"\nmodel_provider = \"scripted\"\ncheck_for_update_on_startup = false\n\
         [model_providers.scripted]\nname = \"scripted\"\nbase_url = \"{url}/v1\"\nenv_key = \"SCRIPTED_KEY\"\n\
         wire_api = \"responses\"\nrequest_max_retries = 1\nstream_max_retries = 1\n\
         [analytics]\nenabled = false\n[feedback]\nenabled = false\n"
    );
    write(&world.top().join("home/.codex/config.toml"), &config);
    world.env("SCRIPTED_KEY", KEY);
}

fn opencode(world: &mut World, url: &str) {
    let config = serde_json::json!({
        "share": "disabled", "model": "scripted/scripted", "small_model": "scripted/scripted",
        "enabled_providers": ["scripted"],
        "provider": { "scripted": {
            "npm": "@ai-sdk/openai-compatible", "name": "scripted",
            "options": { "baseURL": format!("{url}/v1"), "apiKey": KEY },
            "models": { "scripted": {
                "name": "scripted", "tool_call": true, "limit": { "context": 200_000, "output": 8192 },
                "cost": { "input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75 },
            } },
        } },
    });
    write(&world.top().join("config/opencode/opencode.json"), &config.to_string());
    for quiet in ["MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"] {
        world.env(&format!("OPENCODE_DISABLE_{quiet}"), "1");
    }
}

fn claude(world: &mut World, url: &str) {
    world.env("ANTHROPIC_BASE_URL", url).env("ANTHROPIC_API_KEY", KEY);
    world.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").env("IS_SANDBOX", "1");
    // Over ACP nobody tells it a model.
    world.env("ANTHROPIC_MODEL", "claude-sonnet-4-5");
    // It would try ten times, longer each time.
    world.env("CLAUDE_CODE_MAX_RETRIES", "1");
}

fn qwen(world: &mut World, url: &str) {
    let settings = serde_json::json!({
        "security": { "auth": { "selectedType": "openai" } },
        "general": { "enableAutoUpdate": false },
        "privacy": { "usageStatisticsEnabled": false },
    });
    write(&world.top().join("home/.qwen/settings.json"), &settings.to_string());
    world.env("OPENAI_BASE_URL", &format!("{url}/v1")).env("OPENAI_API_KEY", KEY);
}

fn kimi(world: &mut World, url: &str) {
    world.env("KIMI_MODEL_PROVIDER_TYPE", "openai").env("KIMI_MODEL_BASE_URL", &format!("{url}/v1"));
    world
        .env("KIMI_MODEL_API_KEY", KEY)
        .env("KIMI_MODEL_NAME", "scripted")
        .env("KIMI_DISABLE_TELEMETRY", "1");
}

fn copilot(world: &mut World, url: &str) {
    world.env("COPILOT_OFFLINE", "true").env("COPILOT_PROVIDER_BASE_URL", &format!("{url}/v1"));
    world.env("COPILOT_PROVIDER_API_KEY", KEY);
}
