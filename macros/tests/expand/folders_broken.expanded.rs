::core::compile_error! {
    "the file /app/broken/my-file.rs is no name of a module: use letters, digits and `_`"
}
::core::compile_error! {
    "the file /app/broken/self.rs is no name of a module: use letters, digits and `_`"
}
::core::compile_error! {
    "/app/broken/todo.rs and the folder /app/broken/todo are both the module `todo`: move the file to /app/broken/todo/mod.rs, which then declares its modules itself, or into the folder under another name"
}
#[allow(unreachable_pub)]
mod actions {
    #[path = "/app/broken/fine.rs"]
    pub(crate) mod fine;
    pub(crate) mod todo {
        #[path = "/app/broken/todo/list.rs"]
        pub(crate) mod list;
    }
}
::core::compile_error! {
    "there is no folder `nowhere` in /app"
}
::core::compile_error! {
    "`actions!()` takes the folder of the actions, or nothing: `actions!(\"src/actions\")`"
}
