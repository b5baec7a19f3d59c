actions!("broken");
actions!("nowhere");
actions!(actions);
