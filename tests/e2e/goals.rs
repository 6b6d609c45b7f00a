//! What is typed, and what it means.
use crate::world::{ONE, World};

fn some() -> World {
    World::with(&format!(
        "{ONE}\nlayer \"base\" {{ spec \"050-login\" \"Login\"; spec \"051-retry\" \"Retry\" }}\n\
         layer \"top\" {{ spec \"060-cart\" \"Cart\" {{ needs \"050-login\" }}; spec \"061-pay\" \"Pay\" {{ after \"051-retry\" }} }}"
    ))
}

#[test]
fn a_goal_brings_what_it_needs_and_nothing_else() {
    let world = some();
    world.run(["060-cart"]).exits(0).calls(["050-login:build", "060-cart:build"]);
    world.run(["060-cart"]).exits(0).calls([]);
    world.run([]).exits(0).calls(["051-retry:build", "061-pay:build"]);
    world.again().calls([]);
}

#[test]
fn what_merely_comes_after_is_not_brought() {
    some().run(["061-pay"]).exits(0).calls(["061-pay:build"]);
}

#[test]
fn a_unique_prefix_is_enough() {
    some().run(["051"]).exits(0).calls(["051-retry:build"]);
}

#[test]
fn an_ambiguous_prefix_names_the_candidates() {
    some().run(["05"]).exits(2).said("050-login").said("051-retry").calls([]);
}

#[test]
fn an_unknown_goal_gets_a_suggestion() {
    some().run(["060-crat"]).exits(2).said("060-cart").calls([]);
}

#[test]
fn a_layer_and_a_glob_are_goals() {
    let world = some();
    world.run(["06*"]).exits(0).calls(["050-login:build", "060-cart:build", "061-pay:build"]);
    world.run(["base"]).exits(0).calls(["051-retry:build"]);
}

#[test]
fn several_goals_are_built_together() {
    some().run(["050-login", "051"]).exits(0).calls(["050-login:build", "051-retry:build"]);
}

#[test]
fn a_spec_named_like_a_command_can_be_reached() {
    let world = World::with(&format!("{ONE} spec \"status\" \"A status page\""));
    world.run(["status"]).exits(0).calls([]);
    world.run(["build", "status"]).exits(0).calls(["status:build"]);
}

#[test]
fn a_stage_is_a_goal_and_lands_nothing() {
    let world = World::with(r#"spec "a" "A""#);
    let before = world.rev("main");
    world.run(["a:plan"]).exits(0).calls(["a:specify", "a:plan"]);
    assert_eq!(world.rev("main"), before);
    world.run(["a:plan"]).exits(0).calls([]);
    world.run([]).exits(0).calls(["a:tasks.."]);
    world.again().calls([]);
}
